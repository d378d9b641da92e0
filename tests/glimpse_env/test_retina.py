"""The retina, against a slow and literal reading of what a glimpse is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.retina import box_sums, glimpses, glimpses_everywhere, patch_corners

CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])


def look(canvases: Tensor, locations: Tensor, glimpse_size: int, num_scales: int) -> Tensor:
    return glimpses(box_sums(canvases, glimpse_size, num_scales), locations, glimpse_size)


def random_canvases(count: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(256, size=(count, channels, height, width), dtype=np.uint8))


def random_locations(count: int, reach: float = 1.0, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-reach, reach, (count, 2)).astype(np.float32))


def literal_corner(location: float, length: int, patch_size: int) -> int:
    """First pixel of a patch along one axis: the centre of the patch lies nearest to the location, ties go up."""
    pixels_from_edge = (min(max(location, -1), 1) + 1) / 2 * length
    return int(np.floor(pixels_from_edge - patch_size / 2 + 0.5))


def literal_glimpse(canvas: NDArray[np.uint8], x: float, y: float, size: int, num_scales: int) -> NDArray[np.float64]:
    """Looks at one canvas `(C, H, W)` as the design says it, pixel by pixel."""
    channels, height, width = canvas.shape
    glimpse = np.zeros((num_scales, channels, size, size))
    for scale in range(num_scales):
        block = 2**scale
        left = literal_corner(x, width, size * block)
        top = literal_corner(y, height, size * block)
        for row, column in np.ndindex(size * block, size * block):
            if 0 <= top + row < height and 0 <= left + column < width:
                pixel = canvas[:, top + row, left + column] / 255
                glimpse[scale, :, row // block, column // block] += pixel / block**2
    return glimpse.reshape(num_scales * channels, size, size)


# Multiples of 1/64: there float32 knows the centre exactly, so that a tie is one for both sides.
coordinates = st.one_of(st.sampled_from([-1.0, 0.0, 1.0]), st.integers(-96, 96).map(lambda n: n / 64))


@settings(deadline=None, max_examples=60)
@given(
    channels=st.integers(1, 3),
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    glimpse_size=st.integers(1, 7),
    num_scales=st.integers(1, 4),
    locations=st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=3),
    seed=st.integers(0, 2**16),
)
def test_sees_what_the_literal_reading_sees(
    channels: int,
    height: int,
    width: int,
    glimpse_size: int,
    num_scales: int,
    locations: list[tuple[float, float]],
    seed: int,
) -> None:
    canvases = random_canvases(len(locations), channels, height, width, seed)
    seen = look(canvases, torch.tensor(locations), glimpse_size, num_scales)
    expected = [
        literal_glimpse(canvas, x, y, glimpse_size, num_scales)
        for canvas, (x, y) in zip(canvases.numpy(), locations, strict=True)
    ]
    np.testing.assert_allclose(seen.numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("glimpse_size", "num_scales", "height", "width"), [(8, 1, 28, 28), (12, 3, 60, 60)])
def test_the_registered_sizes_see_what_the_literal_reading_sees(
    glimpse_size: int, num_scales: int, height: int, width: int
) -> None:
    locations = torch.cat([CORNERS, torch.zeros(1, 2), torch.tensor([[0.25, -0.5]])])
    canvases = random_canvases(len(locations), 1, height, width)
    seen = look(canvases, locations, glimpse_size, num_scales)
    for canvas, (x, y), glimpse in zip(canvases.numpy(), locations.tolist(), seen.numpy(), strict=True):
        expected = literal_glimpse(canvas, x, y, glimpse_size, num_scales)
        np.testing.assert_allclose(glimpse, expected, rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=200)
@given(
    xy=st.tuples(*[st.floats(-1.5, 1.5, width=32)] * 2),
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    patch_size=st.integers(1, 120),
)
def test_a_patch_is_centred_on_its_location_within_half_a_pixel(
    xy: tuple[float, float], height: int, width: int, patch_size: int
) -> None:
    corner = patch_corners(torch.tensor([xy]), (height, width), patch_size)
    assert corner.dtype == torch.int64
    centre = (np.clip(xy, -1, 1) + 1) / 2 * [width, height]
    assert np.abs(corner.numpy()[0] + patch_size / 2 - centre).max() <= 0.5 + 1e-4


@pytest.mark.parametrize(
    ("xy", "patch_size", "expected"),
    [
        ((-1, -1), 8, (-4, -4)),
        ((1, 1), 8, (36, 24)),
        ((1, -1), 8, (36, -4)),
        ((0, 0), 8, (16, 10)),
        ((0, 0), 40, (0, -6)),
        ((0.5, 0), 8, (26, 10)),
        ((0, -0.5), 8, (16, 3)),
        ((7, -7), 8, (36, -4)),
    ],
)
def test_patch_corners_by_hand(xy: tuple[float, float], patch_size: int, expected: tuple[int, int]) -> None:
    corner = patch_corners(torch.tensor([xy], dtype=torch.float32), (28, 40), patch_size)
    assert tuple(corner[0].tolist()) == expected


@pytest.mark.parametrize("glimpse_size", [3, 4])
@pytest.mark.parametrize("num_scales", [1, 2, 3])
def test_patch_corners_say_where_each_patch_of_a_glimpse_is(glimpse_size: int, num_scales: int) -> None:
    canvas = random_canvases(1, 1, 13, 17)
    for location in random_locations(20).split(1):
        seen = look(canvas, location, glimpse_size, num_scales)[0]
        for scale in range(num_scales):
            side = glimpse_size * 2**scale
            left, top = patch_corners(location, (13, 17), side)[0].tolist()
            wide = np.pad(canvas[0, 0].numpy(), side)
            patch = wide[top + side : top + 2 * side, left + side : left + 2 * side] / 255
            pooled = patch.reshape(glimpse_size, 2**scale, glimpse_size, 2**scale).mean((1, 3))
            np.testing.assert_allclose(seen[scale].numpy(), pooled, rtol=0, atol=1e-6)


def test_x_is_to_the_right_and_y_is_down() -> None:
    canvas = torch.zeros(1, 1, 20, 30, dtype=torch.uint8)
    canvas[0, 0, 4:6, 24:26] = 255  # around x = 2 * 25 / 30 - 1, y = 2 * 5 / 20 - 1
    assert look(canvas, torch.tensor([[2 / 3, -0.5]]), 2, 1).min() == 1
    assert look(canvas, torch.tensor([[-0.5, 2 / 3]]), 2, 1).max() == 0


@pytest.mark.parametrize("num_scales", [1, 3])
def test_beyond_the_edge_is_the_edge(num_scales: int) -> None:
    canvases = random_canvases(4, 2, 11, 14)
    seen = look(canvases, CORNERS, 5, num_scales)
    assert torch.equal(look(canvases, CORNERS * 3, 5, num_scales), seen)
    assert torch.equal(look(canvases, CORNERS * 1e30, 5, num_scales), seen)


def test_outside_the_canvas_is_background() -> None:
    canvases = torch.full((4, 1, 10, 10), 255, dtype=torch.uint8)
    assert look(canvases, CORNERS, 4, 1).mean((1, 2, 3)).tolist() == [0.25] * 4


@settings(deadline=None, max_examples=30)
@given(
    count=st.integers(1, 40),
    channels=st.integers(1, 3),
    glimpse_size=st.integers(1, 9),
    num_scales=st.integers(1, 4),
    seed=st.integers(0, 2**16),
)
def test_a_batch_sees_what_batches_of_one_see(
    count: int, channels: int, glimpse_size: int, num_scales: int, seed: int
) -> None:
    canvases = random_canvases(count, channels, 15, 22, seed)
    locations = random_locations(count, 1.2, seed)
    together = look(canvases, locations, glimpse_size, num_scales)
    alone = [look(canvases[i : i + 1], locations[i : i + 1], glimpse_size, num_scales) for i in range(count)]
    assert torch.equal(together, torch.cat(alone))


def test_where_a_batch_looks_does_not_depend_on_its_size() -> None:
    locations = random_locations(10_001)
    together = patch_corners(locations, (60, 100), 7)
    for size in (1, 3, 8, 17):
        parts = [patch_corners(part, (60, 100), 7) for part in locations[:400].split(size)]
        assert torch.equal(torch.cat(parts), together[:400])


@pytest.mark.parametrize("num_scales", range(1, 9))
def test_values_are_float32_from_0_to_1_at_every_scale(num_scales: int) -> None:
    white = torch.full((1, 1, 300, 300), 255, dtype=torch.uint8)
    seen = look(white, torch.zeros(1, 2), 2, num_scales)
    assert seen.dtype == torch.float32
    assert seen.shape == (1, num_scales, 2, 2)
    inside = [scale for scale in range(num_scales) if 2 * 2**scale <= 300]
    assert (seen[0, inside] == 1).all()
    assert (look(torch.zeros_like(white), torch.zeros(1, 2), 2, num_scales) == 0).all()


def test_fine_scales_come_first_each_with_all_channels() -> None:
    canvas = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    canvas[0, 1, 7:9, 7:9] = 255
    seen = look(canvas, torch.zeros(1, 2), 2, 2)[0]
    assert seen.mean((1, 2)).tolist() == [0, 1, 0, 0, 0.25, 0]


def test_a_coarse_patch_is_the_mean_of_the_pixels_below_it() -> None:
    canvas = random_canvases(1, 1, 8, 8)
    seen = look(canvas, torch.zeros(1, 2), 1, 4)[0, :, 0, 0]
    assert seen[3].item() == pytest.approx(canvas.double().mean().item() / 255, abs=1e-6)


def test_canvases_and_locations_stay_as_they_are() -> None:
    canvases, locations = random_canvases(5, 1, 9, 9), random_locations(5, 2.0)
    before = canvases.clone(), locations.clone()
    look(canvases, locations, 4, 3)
    assert torch.equal(canvases, before[0])
    assert torch.equal(locations, before[1])


def test_one_table_serves_any_number_of_glimpses() -> None:
    canvases = random_canvases(3, 1, 12, 12)
    sums = box_sums(canvases, 4, 2)
    for seed in range(5):
        locations = random_locations(3, seed=seed)
        assert torch.equal(glimpses(sums, locations, 4), look(canvases, locations, 4, 2))


@pytest.mark.parametrize("num_scales", [1, 3])
def test_everywhere_is_every_pair(num_scales: int) -> None:
    generator = torch.Generator().manual_seed(4)
    canvases = torch.randint(0, 256, (3, 2, 9, 14), dtype=torch.uint8, generator=generator)
    locations = torch.rand(5, 2, generator=generator) * 2.4 - 1.2
    sums = box_sums(canvases, 3, num_scales)
    everywhere = glimpses_everywhere(sums, locations, 3)
    assert everywhere.shape == (3, 5, num_scales * 2, 3, 3)
    for place, location in enumerate(locations):
        assert torch.equal(everywhere[:, place], glimpses(sums, location.expand(3, 2), 3))
