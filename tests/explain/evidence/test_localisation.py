"""Localisation on toy maps with a known answer."""

from __future__ import annotations

import pytest
import torch

from explain.evidence.localisation import brightness_map, localisation, places_on_image
from explain.knowledge.intervals import Bootstrap
from glimpse_env.retina import Retina, grid_locations

N, G, L = 300, 2, 40


def uniform(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def on_image(share: float = 0.25) -> torch.Tensor:
    return uniform(N, L, seed=7) < share


def test_an_oracle_map_scores_1() -> None:
    right = on_image()
    for metric in localisation(right[:, None].expand(N, G, L).float(), right, uniform(N, L), Bootstrap(N)):
        assert metric.value.value == 1
        assert metric.nulls["uniform"].value == pytest.approx(right.float().mean().item(), abs=0.02)
        assert metric.passes


def test_a_random_map_scores_as_the_uniform_one_in_expectation() -> None:
    right = on_image()
    for metric in localisation(uniform(N, G, L, seed=3), right, uniform(N, L), Bootstrap(N)):
        assert metric.value.low < metric.nulls["uniform"].value < metric.value.high
        assert not metric.passes


def test_a_map_of_distractors_scores_0() -> None:
    right = on_image(0.1)
    pointing, mass, rank = localisation((~right)[:, None].float(), right, uniform(N, L), Bootstrap(N))
    assert pointing.value.value == mass.value.value == rank.value.value == 0


def test_centre_bias_does_not_know_the_image_itself() -> None:
    right = torch.eye(4, 4, dtype=torch.bool)  # each image lies elsewhere: where others lie, this one does not
    metrics = localisation(right[:, None].float(), right, torch.ones(4, 4), Bootstrap(4))
    assert [metric.nulls["centre bias"].value.item() for metric in metrics] == [0, 0, 0]


def test_images_that_no_place_lies_on_do_not_count() -> None:
    right = torch.tensor([[True, False], [False, False]])
    for metric in localisation(torch.tensor([[[2.0, 1.0]], [[2.0, 1.0]]]), right, torch.ones(2, 2), Bootstrap(2)):
        assert metric.nulls["uniform"].value == 0.5, "that of the first image alone"


def test_places_on_the_image_are_those_in_the_box_around_its_pixels() -> None:
    original = torch.zeros(1, 1, 4, 6, dtype=torch.uint8)
    original[0, 0, 1, 2] = original[0, 0, 2, 4] = 200  # rows 1 and 2, columns 2 to 4
    corners = torch.tensor([[5, 3]])  # on the canvas: rows 4 and 5, columns 7 to 9
    height, width = 10, 12
    centres = [(x + 0.5, y + 0.5) for y in range(height) for x in range(width)]
    locations = torch.tensor([[2 * x / width - 1, 2 * y / height - 1] for x, y in centres])
    inside = places_on_image(original, corners, (height, width), locations).view(height, width)
    expected = torch.zeros(height, width, dtype=torch.bool)
    expected[4:6, 7:10] = True
    assert torch.equal(inside, expected)
    assert not places_on_image(torch.zeros_like(original), corners, (height, width), locations).any()


def test_brightness_is_the_mean_of_the_finest_patch() -> None:
    canvases = (255 * uniform(3, 1, 12, 12)).to(torch.uint8)
    locations = grid_locations(3)
    found = brightness_map(canvases, Retina(4, 2), locations)
    fine = Retina(4, 1)
    for place, location in enumerate(locations):
        glimpses = fine.glimpses(fine.pool(canvases), location.expand(3, 2))
        torch.testing.assert_close(found[:, place], glimpses.flatten(1).mean(1))
