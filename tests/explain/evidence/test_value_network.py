"""The value network, in a world where the improvement that is to be expected is known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from explain.eig.rank_correlation import rank_correlations
from explain.evidence import value_network
from explain.evidence.value_network import (
    OTHER_IMAGES,
    VALUE_NETWORK,
    fit_value_network,
    improvements_everywhere,
    log_score_improvements,
    value_of_looking,
)
from explain.knowledge.information import kl_divergence
from explain.knowledge.intervals import Bootstrap
from explain.recording import FIELDS, Recording
from glimpse_env.retina import grid_locations


def test_the_improvement_is_that_of_the_true_class() -> None:
    beliefs, following = torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([[[0.1, 0.8, 0.1], [1.0, 0.0, 0.0]]])
    improvements = log_score_improvements(beliefs, following, torch.tensor([1]))
    torch.testing.assert_close(improvements, torch.tensor([[math.log(0.8 / 0.25), math.log(1e-6 / 0.25)]]))


def exact_maps(world: Any, recording: Recording) -> Tensor:
    """What looking at each cell is to be expected to improve, after each glimpse but the last."""
    states = recording.hidden[:, :-1]
    maps = [world.exact(state.numpy(), kl_divergence) for state in states.flatten(0, 1)]
    return torch.stack(maps).view(*states.shape[:2], -1)


def before_looking(world: Any, recording: Recording) -> Recording:
    """The same episodes, but nothing was seen: every canvas of the world is as probable as any other."""
    hidden = torch.zeros_like(recording.hidden)
    beliefs = torch.as_tensor(world.beliefs(hidden.flatten(0, 1).numpy())).view_as(recording.beliefs)
    return replace(recording, hidden=hidden, beliefs=beliefs)


def test_real_improvements_average_to_what_is_to_be_expected(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording(num_canvases=12, num_glimpses=2)
    unseen = before_looking(world, recording)
    real = improvements_everywhere(world, unseen, grid_locations(world.grid))
    torch.testing.assert_close(real.mean(0)[0], exact_maps(world, unseen)[0, 0], rtol=0, atol=1e-5)


def test_the_network_learns_what_is_to_be_expected(world_recording: Callable[..., Any]) -> None:
    """From single canvases, of which it is not told which is there."""
    world, recording = world_recording(num_canvases=6, num_glimpses=2)
    unseen = before_looking(world, recording)
    many = replace(unseen, **{name: getattr(unseen, name).repeat_interleave(400, 0) for name in FIELDS})
    network, locations = fit_value_network(world, many), grid_locations(world.grid)
    with torch.no_grad():
        predicted = network(torch.cat([torch.zeros(9, unseen.hidden.shape[-1]), locations], dim=-1)).squeeze(-1)
    assert rank_correlations(predicted[None], exact_maps(world, unseen)[0, :1]) > 0.7


def test_the_exact_map_is_better_than_what_knows_nothing_of_the_image(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording(num_canvases=200, num_glimpses=3)
    maps, bootstrap = exact_maps(world, recording), Bootstrap(len(recording))
    metric = value_of_looking(world, recording, recording, maps, grid_locations(world.grid), bootstrap)
    assert set(metric.nulls) == {VALUE_NETWORK, OTHER_IMAGES}
    assert metric.margins[OTHER_IMAGES].low > 0


def test_a_random_map_is_no_better_than_its_nulls(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording(num_canvases=200, num_glimpses=3)
    random = torch.rand(200, 2, 9, generator=torch.Generator().manual_seed(0))
    metric = value_of_looking(world, recording, recording, random, grid_locations(world.grid), Bootstrap(200))
    assert metric.value.low <= 0 <= metric.value.high
    assert not metric.passes


def test_the_same_seed_gives_the_same_network(
    world_recording: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_network, "NUM_STEPS", 20)
    world, recording = world_recording(num_canvases=20, num_glimpses=2)
    inputs = torch.cat([recording.hidden[:, 0], recording.locations[:, 0]], dim=-1)
    one, same, other = (fit_value_network(world, recording, seed=seed)(inputs) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
