"""Expected against real information gain in worlds where both can be counted; see `FiniteWorld` in conftest.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from explain import Bootstrap, Recording, grid_locations
from explain.eig.maps import information_gain_everywhere
from explain.eig.validation import EIGValidation, validate_eig
from explain.knowledge.information import kl_divergence


class Gazing:
    """The agent of a finite world, looking at places of the grid in turn instead of at the corner."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        return self.world.predict(observation, state, episode_start, deterministic)

    def record(self, places: list[int], images: int) -> Recording:
        """Looks at each canvas in turn from these places of the grid, starting from what the world's labels allow."""
        world = self.world
        which = np.arange(images) % len(world.labels)
        canvases, state = world.canvases[which], np.zeros((images, len(world.labels)), np.float32)
        states, beliefs, locations = [], [], []
        for place in places:
            there = grid_locations(3)[place].expand(images, 2)
            seen = world.retina.glimpses([table[which] for table in world.tables], there)
            _, state = self.predict({"glimpse": seen.numpy(), "location": there.numpy()}, state, None, True)
            states.append(state)
            beliefs.append(world.beliefs(state))
            locations.append(there.numpy())
        return Recording(
            hidden=torch.from_numpy(np.stack(states, axis=1)),
            beliefs=torch.from_numpy(np.stack(beliefs, axis=1)),
            locations=torch.from_numpy(np.stack(locations, axis=1)),
            labels=world.labels[which],
            indices=torch.arange(images),
            canvases=canvases,
            originals=canvases,
            retina=world.retina,
        )


def validate_world(
    world: Any, recording: Recording, num_samples: int = 64, seed: int = 0, **arguments: Any
) -> EIGValidation:
    parts = {"agent": world, "imagine": world.imagine, "locations": grid_locations(3)} | arguments
    generator = torch.Generator().manual_seed(seed)
    bootstrap = Bootstrap(len(recording))
    return validate_eig(recording=recording, bootstrap=bootstrap, num_samples=num_samples, generator=generator, **parts)


def each_canvas_once(world: Any) -> Callable[..., Tensor]:
    """Imagines every canvas of a world, whatever the state."""
    return lambda states, num_samples, generator: (world.canvases[:, None] / 255).expand(-1, len(states), -1, -1, -1)


def test_what_is_expected_is_what_can_be_counted(random_world: Callable[..., Any]) -> None:
    world = random_world(1)
    recording = Gazing(world).record([0, 4, 8], 6)
    validation = validate_world(world, recording, num_samples=4000)
    assert validation.maps.divergence.shape == validation.gains.shape == (6, 3, 9)
    for image in range(6):
        for glimpse in range(3):
            exact = world.exact(recording.hidden[image, glimpse], kl_divergence).float()
            torch.testing.assert_close(validation.maps.divergence[image, glimpse], exact, rtol=0, atol=0.1)
    assert torch.equal(validation.gains, information_gain_everywhere(world, recording, grid_locations(3)))


def test_looking_again_where_one_looked_gains_nothing(random_world: Callable[..., Any]) -> None:
    world = random_world(1)
    validation = validate_world(world, Gazing(world).record([0, 4, 4], 6))
    for glimpse, places in enumerate([[0], [0, 4], [0, 4]]):
        for values in (validation.maps.divergence, validation.gains):
            torch.testing.assert_close(values[:, glimpse, places], torch.zeros(6, len(places)), rtol=0, atol=1e-5)
    torch.testing.assert_close(validation.expected[:, 1], torch.zeros(6), rtol=0, atol=1e-5)
    torch.testing.assert_close(validation.gained[:, 1], torch.zeros(6), rtol=0, atol=1e-5)
    assert validation.expected[:, 0].max() > 0.05


def test_at_the_place_looked_at_both_are_those_of_the_maps(random_world: Callable[..., Any]) -> None:
    """It is on the grid here, and what is imagined is not left to chance."""
    world, places = random_world(3), [2, 4, 7, 0]
    recording = Gazing(world).record(places, 6)
    validation = validate_world(world, recording, imagine=each_canvas_once(world))
    assert validation.expected.shape == validation.gained.shape == (6, 3)
    for glimpse, place in enumerate(places[1:]):
        torch.testing.assert_close(validation.expected[:, glimpse], validation.maps.divergence[:, glimpse, place])
        torch.testing.assert_close(validation.gained[:, glimpse], validation.gains[:, glimpse, place])
    assert validation.gained.max() > 0.1


def test_eig_predicts_the_gain_where_imagined_canvases_are_true(random_world: Callable[..., Any]) -> None:
    """And better than who imagines another world."""
    world, other = random_world(4, num_canvases=8, num_classes=8), random_world(40, num_canvases=8, num_classes=8)
    recording = Gazing(world).record([4, 0, 8], 24)
    right, wrong = (validate_world(world, recording, imagine=one.imagine) for one in (world, other))
    first = slice(0, 1)  # later it knows too much for all places to differ
    assert (right.rank_correlation.value[first] > 0.6).all()
    assert (right.rank_correlation.value[first] > wrong.rank_correlation.value[first] + 0.2).all()
    assert right.location_correlation.value > 0.5


def test_correlations_are_those_of_scipy(random_world: Callable[..., Any]) -> None:
    world = random_world(5)
    validation = validate_world(world, Gazing(world).record([4, 0, 8], 12), num_samples=5)
    assert validation.rank_correlation.value.shape == (2,), "after the last glimpse no other follows"
    for glimpse in range(2):
        pairs = zip(validation.maps.divergence[:, glimpse], validation.gains[:, glimpse], strict=True)
        rows = [spearmanr(*pair).statistic for pair in pairs if all(len(part.unique()) > 1 for part in pair)]
        value = validation.rank_correlation.value[glimpse].item()
        assert value == pytest.approx(np.mean(rows), abs=1e-6)
        means = [validation.gains[torch.arange(12) != image, glimpse].mean(0) for image in range(12)]
        pairs = zip(means, validation.gains[:, glimpse], strict=True)
        rows = [spearmanr(*pair).statistic for pair in pairs if all(len(part.unique()) > 1 for part in pair)]
        # Means that are equal but for rounding have other ranks in another order of summation.
        assert validation.place_correlation.value[glimpse].item() == pytest.approx(np.mean(rows), abs=0.02)
    overall = spearmanr(validation.expected.flatten(), validation.gained.flatten()).statistic
    assert validation.location_correlation.value.item() == pytest.approx(overall, abs=1e-6)
    for estimate in (validation.rank_correlation, validation.location_correlation):
        assert (estimate.low < estimate.value).all()
        assert (estimate.value < estimate.high).all()


def test_states_in_tuples_are_restored(random_world: Callable[..., Any], in_tuples: Callable[..., Any]) -> None:
    world = random_world(2)
    recording = Gazing(world).record([4, 0], 6)
    plain, restored = (
        validate_world(world, recording, imagine=each_canvas_once(world), agent=agent)
        for agent in (world, in_tuples(world))
    )
    torch.testing.assert_close(restored.maps.divergence, plain.maps.divergence)
    torch.testing.assert_close(restored.gains, plain.gains)
    torch.testing.assert_close(restored.expected, plain.expected)


def test_the_same_draws_give_the_same_numbers(random_world: Callable[..., Any]) -> None:
    world = random_world(3)
    recording = Gazing(world).record([4, 0, 8], 6)
    one, again, other = (validate_world(world, recording, num_samples=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.maps.divergence, again.maps.divergence)
    assert torch.equal(one.expected, again.expected)
    assert one.to_json() == again.to_json()
    assert not torch.equal(one.maps.divergence, other.maps.divergence)
    assert torch.equal(one.gains, other.gains)


def test_the_correlations_can_be_written_as_json(random_world: Callable[..., Any]) -> None:
    world = random_world(3)
    validation = validate_world(world, Gazing(world).record([4, 0, 8], 6))
    written = json.loads(json.dumps(validation.to_json()))
    assert written == {
        name: {part: getattr(getattr(validation, name), part).tolist() for part in ("value", "low", "high")}
        for name in (
            *("rank_correlation", "place_correlation"),
            *("location_correlation", "entropy_correlation", "partial_correlation"),
        )
    }


def test_a_single_glimpse_is_refused(four_canvases: Any) -> None:
    recording = Gazing(four_canvases).record([4], 4)
    with pytest.raises(ValueError, match="at least 2 glimpses, got 1"):
        validate_world(four_canvases, recording)


def test_no_samples_are_refused(four_canvases: Any) -> None:
    recording = Gazing(four_canvases).record([4, 1], 4)
    with pytest.raises(ValueError, match="expected num_samples to be at least 1, got 0"):
        validate_world(four_canvases, recording, num_samples=0)
