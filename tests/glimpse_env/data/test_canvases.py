"""Canvases, against the original generator, written pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.data.canvases import numbers_needed, place

ALMOST_ONE = 1 - 2.0**-53


def canvas_pixel_by_pixel(
    images: NDArray[np.uint8], chosen: int, canvas_size: int, num_distractors: int, uniform: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """One canvas, in the order and the units (0 to 1) that the design gives."""
    count, channels, height, width = images.shape
    canvas = np.zeros((channels, canvas_size, canvas_size))
    image_x, image_y, *rest = uniform.tolist()
    for distractor in range(num_distractors):
        source, crop_x, crop_y, x, y = rest[5 * distractor : 5 * distractor + 5]
        image = images[int(source * count)] / 255
        left, top = int(crop_x * (width - 8 + 1)), int(crop_y * (height - 8 + 1))
        crop = image[:, top : top + 8, left : left + 8]
        left, top = int(x * (canvas_size - 8 + 1)), int(y * (canvas_size - 8 + 1))
        canvas[:, top : top + 8, left : left + 8] += crop
    canvas = np.clip(canvas, 0, 1)
    left, top = int(image_x * (canvas_size - width + 1)), int(image_y * (canvas_size - height + 1))
    canvas[:, top : top + height, left : left + width] += images[chosen] / 255
    return np.round(np.clip(canvas, 0, 1) * 255).astype(np.uint8)


def random_images(count: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    images = rng.integers(256, size=(count, channels, height, width))
    # Half of it background, as in digits, so that not everything saturates at once.
    return torch.from_numpy((images * rng.integers(2, size=images.shape)).astype(np.uint8))


def row(num_distractors: int, **values: float) -> Tensor:
    """Uniform numbers of one canvas with at most one distractor, 0 where nothing is given."""
    names = ["image_x", "image_y", "source", "crop_x", "crop_y", "x", "y"]
    assert not values.keys() - set(names)
    numbers = [values.get(name, 0.0) for name in names[: numbers_needed(num_distractors)]]
    return torch.tensor([numbers], dtype=torch.float64)


numbers = st.one_of(st.sampled_from([0.0, 0.5, ALMOST_ONE]), st.floats(0, ALMOST_ONE))


@settings(deadline=None, max_examples=60)
@given(
    data=st.data(),
    count=st.integers(1, 4),
    num_images=st.integers(1, 5),
    channels=st.integers(1, 3),
    height=st.integers(8, 20),
    width=st.integers(8, 20),
    margin=st.integers(0, 20),
    num_distractors=st.one_of(st.integers(0, 5), st.just(200)),
)
def test_a_canvas_is_what_it_is_pixel_by_pixel(
    data: st.DataObject,
    count: int,
    num_images: int,
    channels: int,
    height: int,
    width: int,
    margin: int,
    num_distractors: int,
) -> None:
    size = max(height, width) + margin
    seed = data.draw(st.integers(0, 2**16))
    images = random_images(num_images, channels, height, width, seed)
    uniform = np.random.default_rng(seed).random((count, numbers_needed(num_distractors)))
    uniform[0, : min(12, uniform.shape[1])] = data.draw(st.lists(numbers, min_size=12, max_size=12))[: uniform.shape[1]]
    chosen = torch.tensor(data.draw(st.lists(st.integers(0, num_images - 1), min_size=count, max_size=count)))

    canvases = place(images, chosen, size, num_distractors, torch.from_numpy(uniform))

    assert canvases.dtype == torch.uint8
    assert canvases.shape == (count, channels, size, size)
    for canvas, index, own in zip(canvases.numpy(), chosen.tolist(), uniform, strict=True):
        assert np.array_equal(canvas, canvas_pixel_by_pixel(images.numpy(), index, size, num_distractors, own))


@pytest.mark.parametrize("size", [40, 60, 100])
def test_the_sizes_of_the_registered_ids_pixel_by_pixel(size: int) -> None:
    images = random_images(20, 1, 28, 28)
    uniform = np.random.default_rng(0).random((30, numbers_needed(4)))
    canvases = place(images, torch.arange(30) % 20, size, 4, torch.from_numpy(uniform))
    expected = [canvas_pixel_by_pixel(images.numpy(), i % 20, size, 4, own) for i, own in enumerate(uniform)]
    assert np.array_equal(canvases.numpy(), np.stack(expected))


def test_two_numbers_for_the_image_and_five_for_each_distractor() -> None:
    assert [numbers_needed(count) for count in (0, 1, 4)] == [2, 7, 22]


def test_what_overlaps_adds_up_to_white_at_most() -> None:
    images = torch.full((1, 1, 8, 8), 100, dtype=torch.uint8)
    uniform = torch.zeros(1, numbers_needed(3), dtype=torch.float64)
    assert place(images, torch.tensor([0]), 8, 1, uniform[:, :7]).unique().tolist() == [200]
    assert place(images, torch.tensor([0]), 8, 3, uniform).unique().tolist() == [255]


@pytest.mark.parametrize("num_distractors", [3, 200, 5000])
def test_where_sums_saturate_they_stay_white(num_distractors: int) -> None:
    images = torch.full((2, 2, 8, 8), 255, dtype=torch.uint8)
    uniform = torch.zeros(2, numbers_needed(num_distractors), dtype=torch.float64)
    canvases = place(images, torch.tensor([0, 1]), 9, num_distractors, uniform)
    assert (canvases[:, :, :8, :8] == 255).all()
    assert canvases.sum() == 2 * 2 * 64 * 255


def test_the_image_lies_on_top_in_full_where_distractors_are_dark() -> None:
    images = torch.cat([random_images(1, 1, 10, 10), torch.zeros(1, 1, 10, 10, dtype=torch.uint8)])
    uniform = row(1, image_x=0.5, image_y=0.5, source=ALMOST_ONE)
    canvas = place(images, torch.tensor([0]), 30, 1, uniform)
    assert torch.equal(canvas[0, :, 10:20, 10:20], images[0])
    assert canvas.sum() == images[0].sum()


@pytest.mark.parametrize(("x", "left"), [(0.0, 0), (ALMOST_ONE, 20)])
@pytest.mark.parametrize(("y", "top"), [(0.0, 0), (ALMOST_ONE, 24)])
def test_extreme_numbers_put_the_image_at_the_very_edge(x: float, left: int, y: float, top: int) -> None:
    images = torch.full((1, 1, 8, 12), 9, dtype=torch.uint8)
    canvas = place(images, torch.tensor([0]), 32, 0, row(0, image_x=x, image_y=y))[0, 0]
    rows, columns = canvas.nonzero().unbind(1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (top, top + 7, left, left + 11)


@pytest.mark.parametrize("extreme", [0.0, ALMOST_ONE])
def test_extreme_numbers_put_a_distractor_at_the_very_edge(extreme: float) -> None:
    images = torch.zeros(3, 1, 10, 12, dtype=torch.uint8)
    source = images[-1 if extreme else 0, 0]
    source[2:, 4:] = 1  # the last crop is all ones, the first has ones only in its lower right
    crop = {"source": extreme, "crop_x": extreme, "crop_y": extreme}
    canvas = place(images, torch.tensor([1]), 20, 1, row(1, x=extreme, y=extreme, **crop))[0, 0]
    expected = torch.zeros(20, 20, dtype=torch.uint8)
    if extreme:
        expected[12:, 12:] = 1
    else:
        expected[2:8, 4:8] = 1
    assert torch.equal(canvas, expected)


def equal_parts(choices: int) -> Tensor:
    """The middles of as many equal parts of [0, 1), and then the least and the greatest number in it."""
    middles = (torch.arange(choices, dtype=torch.float64) + 0.5) / choices
    return torch.cat([middles, torch.tensor([0.0, ALMOST_ONE], dtype=torch.float64)])


@pytest.mark.parametrize("choices", [1, 2, 3, 7, 33, 53, 64])
def test_every_place_of_the_image_is_equally_likely_and_none_is_beyond(choices: int) -> None:
    image = torch.ones(1, 1, 8, 8, dtype=torch.uint8)
    where = equal_parts(choices)
    for axis, dimension in ((0, 2), (1, 1)):
        uniform = torch.zeros(len(where), 2, dtype=torch.float64)
        uniform[:, axis] = where
        canvases = place(image, torch.zeros(len(where), dtype=torch.int64), choices + 7, 0, uniform)[:, 0]
        first = canvases.amax(3 - dimension).argmax(1)
        assert first.tolist() == [*range(choices), 0, choices - 1]
        assert canvases.sum((1, 2)).tolist() == [64] * len(where)


@pytest.mark.parametrize("choices", [1, 2, 3, 7, 33, 53, 64])
def test_every_place_of_a_distractor_is_equally_likely_and_none_is_beyond(choices: int) -> None:
    images = torch.tensor([0, 1], dtype=torch.uint8)[:, None, None, None].repeat(1, 1, 8, 8)
    where = equal_parts(choices)
    uniform = torch.zeros(len(where), 7, dtype=torch.float64)
    uniform[:, 2], uniform[:, 5] = ALMOST_ONE, where
    canvases = place(images, torch.zeros(len(where), dtype=torch.int64), choices + 7, 1, uniform)[:, 0]
    assert canvases.amax(1).argmax(1).tolist() == [*range(choices), 0, choices - 1]


@pytest.mark.parametrize("choices", [1, 2, 3, 53, 1437, 60_000])
def test_distractors_come_from_every_image_equally_likely(choices: int) -> None:
    index = torch.arange(choices)
    images = torch.zeros(choices, 1, 8, 8, dtype=torch.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = index % 256, index // 256
    where = equal_parts(choices)
    uniform = torch.zeros(len(where), 7, dtype=torch.float64)
    uniform[:, 0], uniform[:, 2] = ALMOST_ONE, where  # the image itself, number 0, is dark
    pixels = place(images, torch.zeros(len(where), dtype=torch.int64), 8, 1, uniform)[:, 0, 0].long()
    assert (pixels[:, 0] + 256 * pixels[:, 1]).tolist() == [*range(choices), 0, choices - 1]


def test_a_canvas_of_the_images_size_is_the_image() -> None:
    images = random_images(3, 2, 9, 9)
    chosen = torch.tensor([2, 0, 1, 1])
    assert torch.equal(place(images, chosen, 9, 0, torch.rand(4, 2, dtype=torch.float64)), images[chosen])


def test_a_batch_makes_what_batches_of_one_make() -> None:
    images = random_images(10, 1, 28, 28)
    chosen, uniform = torch.arange(10).flip(0), torch.rand(10, numbers_needed(4), dtype=torch.float64)
    alone = [place(images, chosen[i : i + 1], 60, 4, uniform[i : i + 1]) for i in range(10)]
    assert torch.equal(place(images, chosen, 60, 4, uniform), torch.cat(alone))


def test_the_images_stay_as_they_are() -> None:
    images = random_images(4, 1, 28, 28)
    before = images.clone()
    canvases = place(images, torch.arange(4), 28, 2, torch.rand(4, numbers_needed(2), dtype=torch.float64))
    canvases.zero_()
    assert torch.equal(images, before)


def test_canvases_of_very_many_distractors_are_those_of_one_by_one() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (5, 1, 9, 9), dtype=torch.uint8, generator=generator)
    chosen, distractors = torch.tensor([0, 3, 4]), 40_000  # more than are placed in one go
    numbers = torch.rand(3, numbers_needed(distractors), dtype=torch.float64, generator=generator)
    together = place(images, chosen, 300, distractors, numbers)
    for row in range(3):
        alone = place(images, chosen[row : row + 1], 300, distractors, numbers[row : row + 1])
        assert torch.equal(together[row : row + 1], alone)
