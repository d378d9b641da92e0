"""The retina, against a pixel-by-pixel computation of glimpses and of coverage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.retina import MAX_PIXEL, Retina, cell_centres, grid_locations

COORDINATES = st.floats(-1.5, 1.5, width=32)
CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])


def look(canvases: Tensor, locations: Tensor, retina: Retina) -> Tensor:
    return retina.glimpses(retina.pool(canvases), locations)


def random_canvases(count: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(256, size=(count, channels, height, width), dtype=np.uint8))


def random_locations(count: int, reach: float = 1.0, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(-reach, reach, (count, 2)).astype(np.float32))


def corner_pixel_by_pixel(location: float, length: int, patch_size: int) -> int:
    """First pixel of a patch along one axis: the centre of the patch lies nearest to the location, ties go up."""
    pixels_from_edge = (min(max(location, -1), 1) + 1) / 2 * length
    return int(np.floor(pixels_from_edge - patch_size / 2 + 0.5))


def glimpse_pixel_by_pixel(
    canvas: NDArray[np.uint8], x: float, y: float, size: int, num_scales: int
) -> NDArray[np.float64]:
    """Computes the glimpse of one canvas `(C, H, W)` as the design defines it, pixel by pixel."""
    channels, height, width = canvas.shape
    glimpse = np.zeros((num_scales, channels, size, size))
    for scale in range(num_scales):
        block = 2**scale
        left = corner_pixel_by_pixel(x, width, size * block)
        top = corner_pixel_by_pixel(y, height, size * block)
        for row, column in np.ndindex(size * block, size * block):
            if 0 <= top + row < height and 0 <= left + column < width:
                pixel = canvas[:, top + row, left + column] / 255
                glimpse[scale, :, row // block, column // block] += pixel / block**2
    return glimpse.reshape(num_scales * channels, size, size)


# Float32 represents multiples of 1/64 exactly, so that both computations agree on ties.
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
def test_a_glimpse_is_what_it_is_pixel_by_pixel(
    channels: int,
    height: int,
    width: int,
    glimpse_size: int,
    num_scales: int,
    locations: list[tuple[float, float]],
    seed: int,
) -> None:
    canvases = random_canvases(len(locations), channels, height, width, seed)
    seen = look(canvases, torch.tensor(locations), Retina(glimpse_size, num_scales))
    expected = [
        glimpse_pixel_by_pixel(canvas, x, y, glimpse_size, num_scales)
        for canvas, (x, y) in zip(canvases.numpy(), locations, strict=True)
    ]
    np.testing.assert_allclose(seen.numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("glimpse_size", "num_scales", "height", "width"), [(8, 1, 28, 28), (12, 3, 60, 60)])
def test_the_sizes_of_the_registered_ids_pixel_by_pixel(
    glimpse_size: int, num_scales: int, height: int, width: int
) -> None:
    locations = torch.cat([CORNERS, torch.zeros(1, 2), torch.tensor([[0.25, -0.5]])])
    canvases = random_canvases(len(locations), 1, height, width)
    seen = look(canvases, locations, Retina(glimpse_size, num_scales))
    for canvas, (x, y), glimpse in zip(canvases.numpy(), locations.tolist(), seen.numpy(), strict=True):
        expected = glimpse_pixel_by_pixel(canvas, x, y, glimpse_size, num_scales)
        np.testing.assert_allclose(glimpse, expected, rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=200)
@given(
    xy=st.tuples(COORDINATES, COORDINATES),
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    patch_size=st.integers(1, 120),
)
def test_a_patch_is_centred_on_its_location_within_half_a_pixel(
    xy: tuple[float, float], height: int, width: int, patch_size: int
) -> None:
    corner = Retina(patch_size, 1).patch_corners(torch.tensor([xy]), (height, width))
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
    corner = Retina(patch_size, 1).patch_corners(torch.tensor([xy], dtype=torch.float32), (28, 40))
    assert tuple(corner[0].tolist()) == expected


@pytest.mark.parametrize("glimpse_size", [3, 4])
@pytest.mark.parametrize("num_scales", [1, 2, 3])
def test_patch_corners_say_where_each_patch_of_a_glimpse_is(glimpse_size: int, num_scales: int) -> None:
    canvas, retina = random_canvases(1, 1, 13, 17), Retina(glimpse_size, num_scales)
    for location in random_locations(20).split(1):
        seen = look(canvas, location, retina)[0]
        for scale in range(num_scales):
            side = retina.patch_size(scale)
            left, top = retina.patch_corners(location, (13, 17), scale)[0].tolist()
            wide = np.pad(canvas[0, 0].numpy(), side)
            patch = wide[top + side : top + 2 * side, left + side : left + 2 * side] / 255
            pooled = patch.reshape(glimpse_size, 2**scale, glimpse_size, 2**scale).mean((1, 3))
            np.testing.assert_allclose(seen[scale].numpy(), pooled, rtol=0, atol=1e-6)


def test_x_is_to_the_right_and_y_is_down() -> None:
    canvas = torch.zeros(1, 1, 20, 30, dtype=torch.uint8)
    canvas[0, 0, 4:6, 24:26] = 255  # around x = 2 * 25 / 30 - 1, y = 2 * 5 / 20 - 1
    assert look(canvas, torch.tensor([[2 / 3, -0.5]]), Retina(2, 1)).min() == 1
    assert look(canvas, torch.tensor([[-0.5, 2 / 3]]), Retina(2, 1)).max() == 0


@pytest.mark.parametrize("num_scales", [1, 3])
def test_beyond_the_edge_is_the_edge(num_scales: int) -> None:
    canvases = random_canvases(4, 2, 11, 14)
    seen = look(canvases, CORNERS, Retina(5, num_scales))
    assert torch.equal(look(canvases, CORNERS * 3, Retina(5, num_scales)), seen)
    assert torch.equal(look(canvases, CORNERS * 1e30, Retina(5, num_scales)), seen)


def test_outside_the_canvas_is_background() -> None:
    canvases = torch.full((4, 1, 10, 10), 255, dtype=torch.uint8)
    assert look(canvases, CORNERS, Retina(4, 1)).mean((1, 2, 3)).tolist() == [0.25] * 4


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
    together = look(canvases, locations, Retina(glimpse_size, num_scales))
    alone = [look(canvases[i : i + 1], locations[i : i + 1], Retina(glimpse_size, num_scales)) for i in range(count)]
    assert torch.equal(together, torch.cat(alone))


def test_where_a_batch_looks_does_not_depend_on_its_size() -> None:
    locations, retina = random_locations(10_001), Retina(7, 1)
    together = retina.patch_corners(locations, (60, 100))
    for size in (1, 3, 8, 17):
        parts = [retina.patch_corners(part, (60, 100)) for part in locations[:400].split(size)]
        assert torch.equal(torch.cat(parts), together[:400])


@pytest.mark.parametrize("num_scales", range(1, 9))
def test_values_are_float32_from_0_to_1_at_every_scale(num_scales: int) -> None:
    white = torch.full((1, 1, 300, 300), 255, dtype=torch.uint8)
    seen = look(white, torch.zeros(1, 2), Retina(2, num_scales))
    assert seen.dtype == torch.float32
    assert seen.shape == (1, num_scales, 2, 2)
    inside = [scale for scale in range(num_scales) if 2 * 2**scale <= 300]
    assert (seen[0, inside] == 1).all()
    assert (look(torch.zeros_like(white), torch.zeros(1, 2), Retina(2, num_scales)) == 0).all()


def test_fine_scales_come_first_each_with_all_channels() -> None:
    canvas = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    canvas[0, 1, 7:9, 7:9] = 255
    seen = look(canvas, torch.zeros(1, 2), Retina(2, 2))[0]
    assert seen.mean((1, 2)).tolist() == [0, 1, 0, 0, 0.25, 0]


def test_a_coarse_patch_is_the_mean_of_the_pixels_below_it() -> None:
    canvas = random_canvases(1, 1, 8, 8)
    seen = look(canvas, torch.zeros(1, 2), Retina(1, 4))[0, :, 0, 0]
    assert seen[3].item() == pytest.approx(canvas.double().mean().item() / 255, abs=1e-6)


def test_canvases_and_locations_stay_as_they_are() -> None:
    canvases, locations = random_canvases(5, 1, 9, 9), random_locations(5, 2.0)
    before = canvases.clone(), locations.clone()
    look(canvases, locations, Retina(4, 3))
    assert torch.equal(canvases, before[0])
    assert torch.equal(locations, before[1])


def test_one_table_serves_any_number_of_glimpses() -> None:
    canvases, retina = random_canvases(3, 1, 12, 12), Retina(4, 2)
    tables = retina.pool(canvases)
    for seed in range(5):
        locations = random_locations(3, seed=seed)
        assert torch.equal(retina.glimpses(tables, locations), look(canvases, locations, retina))


@pytest.mark.parametrize("num_scales", [1, 3])
def test_everywhere_is_every_pair_of_canvas_and_location(num_scales: int) -> None:
    canvases, locations, retina = random_canvases(3, 2, 9, 14), random_locations(5, 1.2), Retina(3, num_scales)
    tables = retina.pool(canvases)
    everywhere = retina.glimpses_everywhere(tables, locations)
    assert everywhere.shape == (3, 5, num_scales * 2, 3, 3)
    for place, location in enumerate(locations):
        assert torch.equal(everywhere[:, place], retina.glimpses(tables, location.expand(3, 2)))


def coverage_by_looking(retina: Retina, locations: Tensor, height: int, width: int) -> Tensor:
    """A pixel is covered if the glimpse of a canvas where it alone is white is not black."""
    pixels = height * width
    canvases = (torch.eye(pixels) * MAX_PIXEL).to(torch.uint8).view(pixels, 1, height, width)
    tables = retina.pool(canvases)
    covered = torch.zeros(*locations.shape[:2], height, width, dtype=torch.bool)
    for image in range(locations.shape[0]):
        for glimpse in range(locations.shape[1]):
            for past in range(glimpse + 1):
                seen = retina.glimpses_everywhere(tables, locations[image, past][None])
                covered[image, glimpse] |= seen.flatten(1).any(1).view(height, width)
    return covered


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 3),
    st.lists(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=3), min_size=1, max_size=2),
)
def test_the_coverage_mask_is_where_a_white_pixel_shows_in_a_glimpse(
    height: int, width: int, glimpse_size: int, num_scales: int, locations: list[list[tuple[float, float]]]
) -> None:
    where, retina = torch.tensor(locations, dtype=torch.float32), Retina(glimpse_size, num_scales)
    covered = retina.coverage(where, (height, width))
    assert covered.dtype == torch.bool
    assert torch.equal(covered, coverage_by_looking(retina, where, height, width))


def test_a_patch_covers_all_its_pixels_inside_and_a_quarter_in_the_corner() -> None:
    covered = Retina(8, 1).coverage(torch.tensor([[[0.0, 0.0]], [[1.0, -1.0]]]), (28, 40))
    assert covered.flatten(1).sum(1).tolist() == [64, 16]
    assert covered[0, 0, 10:18, 16:24].all()
    assert covered[1, 0, :4, 36:].all()


@pytest.mark.parametrize("num_scales", [1, 2])
def test_coverage_never_shrinks_and_does_not_depend_on_later_glimpses(num_scales: int) -> None:
    locations, retina = random_locations(30).view(5, 6, 2), Retina(8, num_scales)
    covered = retina.coverage(locations, (28, 28)).int()
    assert (covered.diff(dim=1) >= 0).all()
    assert torch.equal(covered[:, :1], retina.coverage(locations[:, :1], (28, 28)).int())


@pytest.mark.parametrize("count", [1, 2, 5, 28])
def test_cell_centres_lie_in_the_middle_of_equal_parts(count: int) -> None:
    edges = np.linspace(-1, 1, count + 1)
    np.testing.assert_allclose(cell_centres(count).numpy(), (edges[:-1] + edges[1:]) / 2, atol=1e-6)
    assert cell_centres(count).dtype == torch.float32


def test_grid_locations_go_row_by_row_from_the_top_left() -> None:
    x, y = np.meshgrid(cell_centres(3).numpy(), cell_centres(3).numpy())
    np.testing.assert_array_equal(grid_locations(3).numpy(), np.stack([x.ravel(), y.ravel()], axis=1))


@pytest.mark.parametrize(("num_canvases", "num_locations"), [(1, 1), (1, 4), (3, 1), (3, 4)])
@pytest.mark.parametrize("num_scales", [1, 3])
def test_several_locations_for_each_canvas_are_one_after_the_other(
    num_canvases: int, num_locations: int, num_scales: int
) -> None:
    retina = Retina(6, num_scales)
    tables = retina.pool(random_canvases(num_canvases, 3, 20, 26))
    locations = random_locations(num_canvases * num_locations, reach=1.2).view(num_canvases, num_locations, 2)
    glimpses = retina.glimpses(tables, locations)
    assert glimpses.shape == (num_canvases, num_locations, num_scales * 3, 6, 6)
    for number in range(num_locations):
        assert torch.equal(glimpses[:, number], retina.glimpses(tables, locations[:, number]))
