"""Removal curves in a finite world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from explain.eig.maps import information_gain_everywhere
from explain.evidence.removal import BEST, RANDOM, WORST, ordered_places, removal_curves
from explain.knowledge.intervals import Bootstrap
from glimpse_env.retina import grid_locations
from glimpse_env.utils.layers import new_generator

CELLS = grid_locations(3)


def test_places_are_taken_from_the_highest_down_without_what_was_seen(world_recording: Callable[..., Any]) -> None:
    _, recording = world_recording(num_canvases=6)
    scores = torch.rand(6, 9, generator=torch.Generator().manual_seed(0))
    places = ordered_places(scores, recording, CELLS, 8, new_generator(0))
    for image in range(6):
        first = int((CELLS - recording.locations[image, 0]).norm(dim=1).argmin())
        expected = [cell for cell in scores[image].argsort(descending=True).tolist() if cell != first]
        assert torch.equal(places[image], CELLS[expected])


def test_the_first_place_that_tells_everything_is_enough(
    four_canvases: Any, world_recording: Callable[..., Any]
) -> None:
    world, recording = world_recording(seed=3, num_canvases=8, num_classes=8, num_glimpses=5)
    gains = information_gain_everywhere(world, recording, CELLS)[:, 0]
    curves = removal_curves(world, recording, gains, CELLS, Bootstrap(8))
    insertion, deletion = curves.metrics
    assert curves.insertion[BEST].value.shape == curves.deletion[BEST].value.shape == (5,)
    first = (recording.beliefs[:, 0].argmax(-1) == recording.labels).double().mean()
    for order in (BEST, RANDOM, WORST):
        assert curves.insertion[order].value[0] == first, "all begin with the first glimpse"
    last = (recording.beliefs[:, -1].argmax(-1) == recording.labels).double().mean()
    assert curves.deletion[BEST].value[0] == last, "all begin with the agent as it is"
    assert insertion.value.value == curves.insertion[BEST].value[1:].mean()
    assert insertion.value.value > insertion.nulls[WORST].value
    assert deletion.better == "lower"
    assert insertion.margins[RANDOM].value == insertion.value.value - insertion.nulls[RANDOM].value


def test_a_map_that_says_nothing_is_no_better_than_a_random_order(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording(seed=1, num_canvases=40, num_classes=5)
    maps = torch.rand(40, 9, generator=torch.Generator().manual_seed(9))
    for metric in removal_curves(world, recording, maps, CELLS, Bootstrap(40)).metrics:
        assert metric.margins[RANDOM].low < 0 < metric.margins[RANDOM].high


def test_deletion_makes_places_background(world_recording: Callable[..., Any]) -> None:
    """With every cell deleted, the agent sees background alone, and believes the same of all canvases."""
    world, recording = world_recording(seed=1, num_canvases=12, num_classes=3, num_glimpses=10)
    maps = torch.rand(12, 9, generator=torch.Generator().manual_seed(9))
    curves = removal_curves(world, recording, maps, CELLS, Bootstrap(12))
    for order in (BEST, WORST):
        torch.testing.assert_close(curves.deletion[order].value[-1], curves.deletion[RANDOM].value[-1])


def test_the_same_seed_gives_the_same_numbers(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording(seed=1, num_canvases=12)
    maps = torch.rand(12, 9, generator=torch.Generator().manual_seed(9))

    def numbers(seed: int) -> list[Any]:
        curves = removal_curves(world, recording, maps, CELLS, Bootstrap(12), seed=seed)
        return [metric.to_json() for metric in curves.metrics]

    assert numbers(0) == numbers(0)
    assert numbers(0) != numbers(1)
