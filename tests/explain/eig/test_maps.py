"""Expected information gain against counting, in worlds of a few canvases; see `FiniteWorld` in conftest.py."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from explain import EIGMaps, Recording, expected_information_gain, grid_locations
from explain.eig.maps import BATCH, beliefs_everywhere, information_gain_everywhere
from explain.knowledge.information import entropy, kl_divergence
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.retina import Retina

SEEDS = pytest.mark.parametrize("seed", range(4))


def draw_states(world: Any, count: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(count, len(world.labels)))).astype(np.float32)


def maps_of(world: Any, states: np.ndarray, num_samples: int, seed: int = 0, **arguments: Any) -> EIGMaps:
    parts = {
        "agent": world,
        "imagine": world.imagine,
        "locations": grid_locations(3),
        "retina": world.retina,
    } | arguments
    beliefs, generator = torch.from_numpy(world.beliefs(states)), torch.Generator().manual_seed(seed)
    return expected_information_gain(
        hidden=torch.from_numpy(states), beliefs=beliefs, num_samples=num_samples, generator=generator, **parts
    )


@SEEDS
@pytest.mark.parametrize("num_samples", [100, 1000, 10000])
def test_the_estimate_converges_to_the_exact_gain(
    random_world: Callable[..., Any], seed: int, num_samples: int
) -> None:
    """It is as far off as chance has it: its standard error falls with the root of the number of samples."""
    world = random_world(seed)
    states = draw_states(world, 2, seed)
    maps = maps_of(world, states, num_samples, seed)
    for state, divergence in zip(states, maps.divergence, strict=True):
        gain = world.exact(state, kl_divergence)
        square = world.exact(state, lambda p, q: kl_divergence(p, q).square())
        error = ((square - gain.square()).clamp(min=0) / num_samples).sqrt()
        assert gain.max() > 0.05
        assert ((divergence - gain).abs() <= 4 * error + 1e-5).all()


@SEEDS
def test_both_forms_are_one_where_beliefs_follow_bayes_rule(random_world: Callable[..., Any], seed: int) -> None:
    world = random_world(seed)
    (state,) = states = draw_states(world, 1, seed)
    exact = world.exact(state, kl_divergence)
    prior = torch.from_numpy(world.beliefs(states)[0]).double()
    fall_of_entropy = world.exact(state, lambda p, _: entropy(prior) - entropy(p))
    torch.testing.assert_close(exact, fall_of_entropy, rtol=0, atol=1e-6)
    maps = maps_of(world, states, 10000, seed)
    bound = 4 * math.log(3) / math.sqrt(10000)
    for form in (maps.divergence, maps.mutual_information):
        torch.testing.assert_close(form[0], exact.float(), rtol=0, atol=bound)


def mutual_information_of_two(world: Any, state: np.ndarray) -> Tensor:
    """What two samples give on average, counted over all pairs."""
    expected = []
    for cell in world.outcomes(state):
        total = 0.0
        for (chance, belief), (other_chance, other) in itertools.product(cell, cell):
            both = torch.stack([belief, other])
            total += chance * other_chance * (entropy(both.mean(0)) - entropy(both).mean()).item()
        expected.append(total)
    return torch.tensor(expected)


def test_few_samples_give_the_mutual_information_with_what_was_drawn(random_world: Callable[..., Any]) -> None:
    """On average over draws it is exactly that of two samples, and so below that of the whole posterior."""
    world = random_world(0)
    (state,) = draw_states(world, 1, 0)
    maps = maps_of(world, np.tile(state, (2000, 1)), 2)
    mean, std = maps.mutual_information.mean(0), maps.mutual_information.std(0)
    expected = mutual_information_of_two(world, state)
    assert ((mean - expected).abs() <= 4 * std / math.sqrt(2000) + 1e-5).all()
    assert (expected <= world.exact(state, kl_divergence) + 1e-9).all()
    assert expected.max() > 0.05


def test_where_looking_can_tell_nothing_nothing_is_expected(four_canvases: Any) -> None:
    states = draw_states(four_canvases, 5)
    maps = maps_of(four_canvases, states, 500)
    telling = torch.zeros(9, dtype=torch.bool)
    telling[[1, 2]] = True
    for form in (maps.divergence, maps.mutual_information):
        torch.testing.assert_close(form[:, ~telling], torch.zeros(5, 7), rtol=0, atol=1e-5)
        assert (form[:, telling] > 0.1).all()


def test_who_knows_all_expects_nothing(four_canvases: Any) -> None:
    certain = np.where(np.eye(4, dtype=bool), np.float32(0), np.float32(-40))
    maps = maps_of(four_canvases, certain, 16)
    for form in (maps.divergence, maps.mutual_information):
        torch.testing.assert_close(form, torch.zeros(4, 9), rtol=0, atol=1e-5)


def test_one_bit_of_two_is_log_two(four_canvases: Any) -> None:
    maps = maps_of(four_canvases, np.zeros((1, 4), np.float32), 1000)
    torch.testing.assert_close(maps.divergence[0, [1, 2]], torch.full((2,), math.log(2)))
    torch.testing.assert_close(maps.mutual_information[0, [1, 2]], torch.full((2,), math.log(2)), rtol=0, atol=0.01)


class Capricious:
    """Believes whatever its random weights make of a glimpse: no conclusion is right, but all are beliefs."""

    def __init__(self, seed: int, scale: float) -> None:
        self.weights = (np.random.default_rng(seed).normal(size=(4 + 2 + 3, 2 + 5)) * scale).astype(np.float32)

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        if state is None:
            state = np.zeros((len(observation["location"]), 3), np.float32)
        parts = (observation["glimpse"].reshape(len(state), -1), observation["location"], state)
        return np.concatenate(parts, axis=1) @ self.weights, state


@given(st.integers(0, 2**31), st.floats(0.01, 20), st.integers(1, 5))
def test_neither_form_is_ever_negative(seed: int, scale: float, num_samples: int) -> None:
    rng = np.random.default_rng(seed)
    hidden = torch.from_numpy(rng.normal(size=(3, 3)).astype(np.float32))
    beliefs = torch.from_numpy(rng.normal(size=(3, 5)) * scale).float().softmax(-1)
    maps = expected_information_gain(
        Capricious(seed, scale),
        hidden,
        beliefs,
        lambda states, count, _: torch.rand(count, len(states), 1, 6, 6),
        grid_locations(2),
        retina=Retina(2, 1),
        num_samples=num_samples,
    )
    assert maps.divergence.shape == maps.mutual_information.shape == (3, 4)
    assert (maps.mutual_information >= 0).all()
    assert (maps.divergence >= -1e-5).all()
    if num_samples == 1:
        torch.testing.assert_close(maps.mutual_information, torch.zeros(3, 4), rtol=0, atol=1e-5)


def test_each_state_has_a_map_of_its_own(random_world: Callable[..., Any]) -> None:
    world = random_world(1)
    states = draw_states(world, 3)
    together = maps_of(world, states, 4000)
    for number in range(3):
        alone = maps_of(world, states[number : number + 1], 4000, seed=number + 1)
        torch.testing.assert_close(together.divergence[number], alone.divergence[0], rtol=0, atol=0.1)
        torch.testing.assert_close(
            together.divergence[number], world.exact(states[number], kl_divergence).float(), rtol=0, atol=0.1
        )
    assert not torch.allclose(together.divergence[0], together.divergence[1], rtol=0, atol=0.1)


@pytest.mark.parametrize("num_scales", [1, 2])
def test_the_agent_sees_what_is_imagined_there(num_scales: int) -> None:
    """Shown here by canvases that say which sample they are, to an agent that keeps what it is shown."""

    class Witness:
        def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
            self.seen = observation["glimpse"]
            self.locations = observation["location"]
            self.states = state
            assert (episode_start is None) is (state is not None)
            assert deterministic is True
            count = len(self.locations)
            return np.zeros((count, 2 + 3), np.float32), np.zeros((count, 2), np.float32)

    agent, locations = Witness(), torch.tensor([[0.0, 0.0], [-1.0, -1.0]])
    shades = torch.tensor([0.2, 0.6, 1.0]).view(3, 1, 1, 1, 1)
    hidden = torch.tensor([[1.0, 2.0]])
    maps = expected_information_gain(
        agent,
        hidden,
        torch.full((1, 3), 1 / 3),
        lambda states, count, _: shades.expand(count, len(states), 1, 8, 8),
        locations,
        retina=Retina(2, num_scales),
        num_samples=3,
    )
    assert torch.equal(maps.locations, locations)
    np.testing.assert_array_equal(agent.locations, np.tile(locations.numpy(), (3, 1)))
    np.testing.assert_array_equal(agent.states, np.tile(hidden, (6, 1)))
    assert agent.seen.shape == (6, num_scales, 2, 2)
    for sample, shade in enumerate([0.2, 0.6, 1.0]):
        middle, corner = agent.seen[2 * sample], agent.seen[2 * sample + 1]
        np.testing.assert_allclose(middle, shade, rtol=1e-5)
        expected = np.zeros((num_scales, 2, 2))
        expected[:, 1, 1] = shade
        np.testing.assert_allclose(corner, expected, rtol=1e-5)


def test_states_in_tuples_are_restored(random_world: Callable[..., Any], in_tuples: Callable[..., Any]) -> None:
    world = random_world(2)
    states = draw_states(world, 3)
    restored, plain = maps_of(world, states, 16, agent=in_tuples(world)), maps_of(world, states, 16)
    torch.testing.assert_close(restored.divergence, plain.divergence)
    torch.testing.assert_close(restored.mutual_information, plain.mutual_information)


def test_an_agent_may_write_into_the_state_that_it_is_given(four_canvases: Any) -> None:
    class Careless:
        def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
            actions, following = four_canvases.predict(observation, state, episode_start, deterministic)
            if state is not None:
                state[:] = following
            return actions, following

    states = draw_states(four_canvases, 3)
    before = states.copy()
    careless, plain = maps_of(four_canvases, states, 16, agent=Careless()), maps_of(four_canvases, states, 16)
    np.testing.assert_array_equal(states, before)
    assert torch.equal(careless.divergence, plain.divergence)


def test_the_same_draws_give_the_same_maps(random_world: Callable[..., Any]) -> None:
    world = random_world(3)
    states = draw_states(world, 3)
    one, again, other = (maps_of(world, states, 8, seed) for seed in (0, 0, 1))
    assert torch.equal(one.divergence, again.divergence)
    assert not torch.equal(one.divergence, other.divergence)


def all_canvases(world: Any) -> Callable[..., Tensor]:
    """Imagines each canvas of a world once, whatever the state."""
    return lambda states, num_samples, _: (world.canvases[:, None] / 255).expand(-1, len(states), -1, -1, -1)


def test_maps_have_the_leading_dimensions_of_the_states(random_world: Callable[..., Any]) -> None:
    world = random_world(1)
    states = draw_states(world, 12)
    flat, shaped = (
        maps_of(world, hidden, 6, imagine=all_canvases(world)) for hidden in (states, states.reshape(3, 4, -1))
    )
    assert shaped.divergence.shape == shaped.mutual_information.shape == (3, 4, 9)
    assert torch.equal(shaped.divergence.view(12, 9), flat.divergence)
    assert torch.equal(shaped.mutual_information.view(12, 9), flat.mutual_information)
    assert len(flat.divergence.unique(dim=0)) == 12


def test_each_state_may_have_places_of_its_own(random_world: Callable[..., Any]) -> None:
    world = random_world(1)
    states, grid = draw_states(world, 6).reshape(2, 3, -1), grid_locations(3)
    everywhere = maps_of(world, states, 6, imagine=all_canvases(world))
    chosen = torch.tensor([[[0, 8], [1, 7], [2, 6]], [[3, 5], [4, 4], [8, 1]]])
    maps = maps_of(world, states, 6, imagine=all_canvases(world), locations=grid[chosen])
    assert maps.divergence.shape == (2, 3, 2)
    torch.testing.assert_close(maps.divergence, everywhere.divergence.gather(-1, chosen))
    torch.testing.assert_close(maps.mutual_information, everywhere.mutual_information.gather(-1, chosen))
    assert torch.equal(maps.locations, grid[chosen])


def test_what_is_imagined_for_a_state_is_for_no_other(random_world: Callable[..., Any]) -> None:
    """Canvases are imagined for several states at once; each is looked at in the state that it was imagined in."""
    world = random_world(2)
    certain = np.where(np.eye(6, dtype=bool), np.float32(0), np.float32(-40))
    states = certain[np.random.default_rng(0).integers(0, 6, 2 * BATCH + 3)]
    asked = []

    def imagine(hidden: Tensor, num_samples: int, generator: Any) -> Tensor:
        asked.append(hidden)
        return world.imagine(hidden, num_samples, generator)

    maps = maps_of(world, states, 3, imagine=imagine)
    np.testing.assert_array_equal(torch.cat(asked).numpy(), states)
    assert max(map(len, asked)) == BATCH
    torch.testing.assert_close(maps.divergence, torch.zeros(len(states), 9), rtol=0, atol=1e-5)


def record_world(world: Any, images: int, glimpses: int) -> Recording:
    """The agent of a world on its canvases in turn, in states that it might be in."""
    states = draw_states(world, images * glimpses)
    which = torch.arange(images) % len(world.labels)
    return Recording(
        hidden=torch.from_numpy(states).view(images, glimpses, -1),
        beliefs=torch.from_numpy(world.beliefs(states)).view(images, glimpses, -1),
        locations=torch.full((images, glimpses, 2), -1.0),
        labels=world.labels[which],
        indices=torch.arange(images),
        canvases=world.canvases[which],
        originals=world.canvases[which],
        retina=world.retina,
    )


@pytest.mark.parametrize("num_scales", [1, 2])
def test_the_gain_everywhere_is_that_of_looking_there_place_by_place(num_scales: int) -> None:
    """Shown by an agent to whom every pixel, every place and every number of its state makes a difference."""
    rng = np.random.default_rng(0)
    agent = Capricious(0, 1.0)
    agent.weights = rng.normal(size=(4 * num_scales + 2 + 3, 2 + 5)).astype(np.float32)
    canvases = rng.integers(0, 256, (4, 1, 6, 8), dtype=np.uint8)
    recording = Recording(
        hidden=torch.from_numpy(rng.normal(size=(4, 3, 3)).astype(np.float32)),
        beliefs=torch.from_numpy(rng.dirichlet(np.ones(5), (4, 3)).astype(np.float32)),
        locations=torch.zeros(4, 3, 2),
        labels=torch.zeros(4, dtype=torch.int64),
        indices=torch.arange(4),
        canvases=torch.from_numpy(canvases),
        originals=torch.from_numpy(canvases),
        retina=Retina(2, num_scales),
    )
    locations = torch.from_numpy(rng.uniform(-1, 1, (7, 2)).astype(np.float32))
    gains = information_gain_everywhere(agent, recording, locations)
    assert gains.shape == (4, 3, 7)
    for image, glimpse, place in itertools.product(range(4), range(3), range(7)):
        there = locations[place][None]
        tables = recording.retina.pool(recording.canvases[image][None])
        observation = {"glimpse": recording.retina.glimpses(tables, there).numpy(), "location": there.numpy()}
        actions, _ = agent.predict(observation, recording.hidden[image, glimpse][None].numpy(), None, True)
        following = torch.from_numpy(actions[0, 2:]).softmax(-1).double()
        before = recording.beliefs[image, glimpse].double()
        expected = sum(p * math.log(p / q) for p, q in zip(following.tolist(), before.tolist(), strict=True))
        assert gains[image, glimpse, place].item() == pytest.approx(expected, rel=1e-3, abs=1e-5)


@SEEDS
def test_the_expectation_is_the_mean_of_what_is_really_gained(random_world: Callable[..., Any], seed: int) -> None:
    """Over the canvases that may be there, each as often as the agent thinks it probable."""
    world = random_world(seed)
    recording = record_world(world, 6, 1)
    state = draw_states(world, 1, seed)
    recording.hidden[:] = torch.from_numpy(state)
    recording.beliefs[:] = torch.from_numpy(world.beliefs(state))
    gains = information_gain_everywhere(world, recording, grid_locations(3))[:, 0]  # one canvas a row
    probable = torch.from_numpy(state[0]).softmax(-1)
    torch.testing.assert_close(probable @ gains, world.exact(state[0], kl_divergence).float(), rtol=1e-4, atol=1e-5)
    drawn = maps_of(world, state, 4000, seed).divergence[0]
    spread = (probable @ (gains - probable @ gains).square()).sqrt()
    assert ((drawn - probable @ gains).abs() <= 4 * spread / math.sqrt(4000) + 1e-5).all()


def test_gains_everywhere_of_states_in_tuples(random_world: Callable[..., Any], in_tuples: Callable[..., Any]) -> None:
    world = random_world(2)
    recording = record_world(world, 4, 2)
    restored = information_gain_everywhere(in_tuples(world), recording, grid_locations(3))
    torch.testing.assert_close(restored, information_gain_everywhere(world, recording, grid_locations(3)))


def test_beliefs_everywhere_are_those_after_a_glimpse_of_each_canvas_at_each_place(four_canvases: Any) -> None:
    beliefs = beliefs_everywhere(
        RecurrentAgent(four_canvases),
        torch.zeros(4),
        four_canvases.canvases,
        grid_locations(3)[:3],
        four_canvases.retina,
    )
    assert beliefs.shape == (4, 3, 4)
    by_middle = [[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5]]
    by_right = [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]]
    for canvas in range(4):
        expected = [[0.25] * 4, by_middle[canvas in (1, 3)], by_right[canvas in (2, 3)]]
        torch.testing.assert_close(beliefs[canvas], torch.tensor(expected), rtol=0, atol=1e-6)


@pytest.mark.parametrize("grid", [1, 2, 3, 13])
def test_the_grid_is_of_equal_cells(grid: int) -> None:
    locations = grid_locations(grid)
    assert locations.shape == (grid**2, 2)
    assert locations.dtype == torch.float32
    as_grid = locations.view(grid, grid, 2)
    for row, column in itertools.product(range(grid), range(grid)):
        centre = [-1 + (2 * column + 1) / grid, -1 + (2 * row + 1) / grid]
        assert as_grid[row, column].tolist() == pytest.approx(centre, abs=1e-6)
    torch.testing.assert_close(locations, -locations.flip(0))


def test_no_samples_or_no_places_are_refused(four_canvases: Any) -> None:
    states = draw_states(four_canvases, 1)
    with pytest.raises(ValueError, match="expected num_samples to be at least 1, got 0"):
        maps_of(four_canvases, states, 0)
    with pytest.raises(ValueError, match="expected the number of locations to be at least 1, got 0"):
        maps_of(four_canvases, states, 4, locations=torch.zeros(0, 2))


def test_a_belief_for_each_state_is_needed(four_canvases: Any) -> None:
    states = draw_states(four_canvases, 3)
    with pytest.raises(ValueError, match=r"expected beliefs of torch.float32 and shape \(.*, got"):
        expected_information_gain(
            four_canvases,
            torch.from_numpy(states),
            torch.from_numpy(four_canvases.beliefs(states)[:2]),
            four_canvases.imagine,
            grid_locations(3),
            retina=Retina(2, 1),
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beliefs": lambda beliefs, places: 2 * beliefs}, r"expected beliefs (in \[0, 1\]|that sum to 1), got"),
        ({"beliefs": lambda beliefs, places: beliefs / 2}, "expected beliefs that sum to 1, got a sum that is 0.5 off"),
        ({"locations": lambda beliefs, places: 2 * places}, r"expected locations in \[-1, 1\], got -1.33"),
    ],
)
def test_what_are_no_beliefs_or_no_locations_is_refused(four_canvases: Any, change: Any, message: str) -> None:
    states = draw_states(four_canvases, 3)
    parts = {"beliefs": torch.from_numpy(four_canvases.beliefs(states)), "locations": grid_locations(3)}
    for name, changed in change.items():
        parts[name] = changed(parts["beliefs"], parts["locations"])
    with pytest.raises(ValueError, match=message):
        expected_information_gain(
            four_canvases,
            torch.from_numpy(states),
            parts["beliefs"],
            four_canvases.imagine,
            parts["locations"],
            retina=Retina(2, 1),
        )
