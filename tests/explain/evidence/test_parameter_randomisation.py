"""Parameter randomisation of an agent that needs no layers, on numbers with a known answer, and of a real agent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from agents import REINFORCE
from explain.eig.maps import expected_information_gain
from explain.evidence.parameter_randomisation import (
    OTHER_IMAGE,
    TRAINED,
    ParameterRandomisation,
    RandomisableAgent,
    parameter_randomisation,
    replay,
)
from explain.knowledge.intervals import Bootstrap
from explain.recording import record
from glimpse_env.retina import grid_locations
from glimpse_env.utils.layers import new_generator


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def compared(maps: Tensor, of_random: Tensor) -> ParameterRandomisation:
    """Both maps and images are `maps` of the trained agent and `of_random` of the random one."""
    others = {TRAINED: maps, "all": of_random}
    return ParameterRandomisation.of(maps, maps, others, others, Bootstrap(len(maps)))


def test_what_no_layer_changes_has_similarity_1_and_fails() -> None:
    maps = normal(30, 3, 50)
    found = compared(maps, maps)
    for metric in found.metrics:
        assert metric.value.value.item() == pytest.approx(1)
        assert metric.margins[TRAINED].value.item() == pytest.approx(0)
        assert not metric.passes


def test_what_falls_apart_has_similarity_0_in_expectation_and_passes() -> None:
    found = compared(normal(200, 3, 50), normal(200, 3, 50, seed=1))
    for metric in found.metrics:
        assert metric.value.low < 0 < metric.value.high
        assert metric.nulls[TRAINED].value.item() == pytest.approx(1)
        assert metric.passes
    for curve in (found.maps, found.images):
        assert list(curve) == [TRAINED, "all", OTHER_IMAGE]
        assert curve[OTHER_IMAGE].value.abs() < 0.05


def test_maps_are_compared_by_rank_and_images_by_pixel() -> None:
    maps = normal(20, 2, 40)
    found = compared(maps, maps.exp())
    for_maps, for_images = found.metrics
    assert for_maps.value.value.item() == pytest.approx(1)
    assert 0.5 < for_images.value.value < 0.95
    assert compared(maps, maps + 3).metrics[1].value.value.item() == pytest.approx(1)


def test_what_all_images_share_is_no_similarity_of_images_and_that_of_maps_is_shown_by_another_image() -> None:
    shared = 3 * normal(1, 1, 50)
    found = compared(shared + normal(100, 2, 50, seed=1), shared + normal(100, 2, 50, seed=2))
    assert found.maps[OTHER_IMAGE].value > 0.7
    assert (found.maps["all"].value - found.maps[OTHER_IMAGE].value).abs() < 0.05
    assert all(found.images[name].value.abs() < 0.05 for name in ("all", OTHER_IMAGE))


def test_the_same_image_for_all_has_similarity_0_in_expectation() -> None:
    """Such as the blurred one that a VAE makes of a state that means nothing to it."""
    maps = 2 * normal(1, 1, 50) + normal(100, 2, 50, seed=1)
    found = compared(maps, maps.mean(0).expand_as(maps) + 0.1 * normal(1, 1, 50, seed=2))
    assert found.images["all"].value.abs() < 0.01


def test_a_constant_map_has_no_similarity() -> None:
    maps = normal(4, 1, 9)
    found = compared(maps, torch.zeros_like(maps))
    assert found.maps["all"].value.isnan()
    assert not found.metrics[0].passes


def test_intervals_cover_at_their_rate() -> None:
    """Normal numbers of correlation 0.5 have a rank correlation of 6 / pi arcsin(0.5 / 2)."""
    expected = 6 / math.pi * math.asin(0.25)
    trials, covered = 150, 0
    generator = torch.Generator().manual_seed(0)
    for _ in range(trials):
        one, other = torch.randn(2, 40, 2, 400, generator=generator, dtype=torch.float64)
        found = compared(one, 0.5 * one + 0.75**0.5 * other)
        interval = found.maps["all"]
        covered += bool(interval.low <= expected <= interval.high)
    assert 0.90 <= covered / trials <= 0.985


class Randomisable:
    """The agent of one finite world, whose only layer is replaced by what knows another world."""

    def __init__(self, world: Any, other: Any) -> None:
        self.world, self.other, self.seeds = world, other, list[int]()

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        return self.world.predict(observation, state, episode_start, deterministic)

    def randomised(self, seed: int) -> dict[str, Any]:
        self.seeds.append(seed)
        return {"knowledge": self.other}


def randomise(world: Any, recording: Any, other: Any, seed: int = 0) -> ParameterRandomisation:
    locations = grid_locations(3)
    maps = expected_information_gain(
        world,
        recording.hidden[:, :-1],
        recording.beliefs[:, :-1],
        world.imagine,
        locations,
        retina=world.retina,
        num_samples=64,
        generator=new_generator(seed),
    )
    agent = Randomisable(world, other)
    return parameter_randomisation(
        agent, recording, maps.divergence, world.imagine, locations, num_samples=64, seed=seed
    )


def test_an_agent_that_believes_in_another_world_has_other_maps(
    world_recording: Callable[..., Any], random_world: Callable[..., Any]
) -> None:
    sizes = {"num_canvases": 24, "num_classes": 4}
    world, recording = world_recording(seed=1, num_glimpses=3, **sizes)
    found = randomise(world, recording, random_world(9, **sizes))
    assert found.maps[TRAINED].value > 0.6
    assert found.images[TRAINED].value > 0.9
    assert found.maps["knowledge"].value < found.maps[TRAINED].value - 0.2
    assert all(metric.passes for metric in found.metrics)
    same = randomise(world, recording, world)
    assert not any(metric.passes for metric in same.metrics)


def test_the_same_seed_gives_the_same_numbers(
    world_recording: Callable[..., Any], random_world: Callable[..., Any]
) -> None:
    world, recording = world_recording(seed=1)
    one, again, other = (randomise(world, recording, random_world(9), seed).to_json() for seed in (3, 3, 4))
    assert one == again != other


def test_replaying_the_recorded_agent_gives_the_recording() -> None:
    agent = REINFORCE("glimpse_env:GlimpseDigits-v0", policy_kwargs={"hidden_size": 8}, seed=0, device="cpu")
    assert isinstance(agent, RandomisableAgent)
    recording = record(agent, agent.make_vec_env(10, split="test"), 10)
    again = replay(agent, recording)
    torch.testing.assert_close(again.hidden, recording.hidden)
    torch.testing.assert_close(again.beliefs, recording.beliefs)
    heads, core, *_ = agent.randomised(seed=1).values()
    torch.testing.assert_close(replay(heads, recording).hidden, recording.hidden)
    assert (replay(core, recording).hidden - recording.hidden).abs().max() > 0.01
    assert torch.equal(replay(core, recording).locations, recording.locations)
