"""The estimator check, in a world whose expected information gain is known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from explain.eig.maps import EIGMaps, expected_information_gain
from explain.evidence.estimator_check import COUNTS, EstimatorCheck, estimates_of, estimator_check
from explain.knowledge.information import entropy
from explain.reconstruction.vae import HiddenStateVAE, VAESettings
from explain.recording import Recording
from glimpse_env.retina import grid_locations


def maps_of(world: Any, recording: Recording, num_samples: int) -> EIGMaps:
    return expected_information_gain(
        world,
        recording.hidden,
        recording.beliefs,
        world.imagine,
        grid_locations(world.grid),
        retina=world.retina,
        num_samples=num_samples,
        generator=torch.Generator().manual_seed(0),
    )


@pytest.fixture(scope="module")
def beliefs() -> torch.Tensor:
    """Of 16 canvases at 5 locations, 3 classes."""
    return torch.rand(16, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).softmax(-1)


def check(make: Callable[..., Any], **arguments: Any) -> EstimatorCheck:
    world, recording = make(num_canvases=8, num_glimpses=3)
    return estimator_check(world, recording, maps_of(world, recording, 16), world.imagine, **arguments)


def test_a_single_canvas_tells_no_mutual_information(beliefs: torch.Tensor) -> None:
    divergence, mutual_information = estimates_of(beliefs, beliefs[0, 0], 1)
    torch.testing.assert_close(mutual_information, torch.zeros(16, 5, dtype=torch.float64))
    assert divergence.mean() > 0


def test_groups_are_estimated_on_their_own(beliefs: torch.Tensor) -> None:
    divergence, mutual_information = estimates_of(beliefs, beliefs[0, 0], 4)
    assert divergence.shape == mutual_information.shape == (4, 5)
    third = beliefs[8:12]
    torch.testing.assert_close(mutual_information[2], entropy(third.mean(0)) - entropy(third).mean(0))
    # The divergence form is linear: the mean of its estimates is that of all canvases.
    torch.testing.assert_close(divergence.mean(0), estimates_of(beliefs, beliefs[0, 0], 16)[0][0])


def test_the_divergence_form_has_no_bias_and_its_deviation_falls_as_one_over_the_root(
    world_recording: Callable[..., Any],
) -> None:
    checked = check(world_recording)
    assert (checked.divergence_bias.value.abs() < 0.02).all()
    deviation = checked.divergence_deviation.value
    for number in (1, 2):  # where there are many groups
        assert deviation[0] / deviation[number] == pytest.approx(COUNTS[number] ** 0.5, rel=0.15)


def test_the_mutual_information_form_is_too_low_and_less_so_with_more_canvases(
    world_recording: Callable[..., Any],
) -> None:
    checked = check(world_recording)
    bias = checked.mutual_information_bias.value
    assert (bias[:3] < 0).all()
    assert (bias.diff() > 0).all()
    biases = torch.stack([check(world_recording, seed=seed).mutual_information_bias.value for seed in range(10)])
    _, few, more, *_ = biases.mean(0)
    assert few / more == pytest.approx(4, rel=0.25)  # it falls about as 1 / S
    assert checked.mutual_information_deviation.value[0] == 0


def test_a_map_of_many_canvases_ranks_places_better_than_that_of_one(world_recording: Callable[..., Any]) -> None:
    metric = check(world_recording).metric
    assert metric.passes
    assert metric.value.value > 0.9


def test_a_map_of_one_canvas_is_no_better_than_its_null(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording(num_canvases=8, num_glimpses=3)
    checked = estimator_check(world, recording, maps_of(world, recording, 1), world.imagine, num_samples=1)
    assert checked.metric.margins["one canvas"].low <= 0


def test_the_same_seed_gives_the_same_numbers(world_recording: Callable[..., Any]) -> None:
    one, same, other = (check(world_recording, seed=seed).to_json() for seed in (0, 0, 1))
    assert one == same != other
    assert one["counts"] == list(COUNTS)


def test_what_a_vae_imagines_may_be_checked(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording(num_canvases=4, num_glimpses=2)
    vae = HiddenStateVAE(recording.hidden.shape[-1], (1, 6, 6), VAESettings(target="canvas", layer_size=8))
    checked = estimator_check(world, recording, maps_of(world, recording, 2), vae.sample, num_samples=2)
    assert torch.isfinite(checked.divergence_bias.value).all()
