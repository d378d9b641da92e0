"""Reconstructions beside the original, with the coverage mask and the belief."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from explain import Recording
from explain.report.figures import draw_reconstructions
from explain.report.figures.style import CORRECT, INCORRECT
from glimpse_env.rendering.colours import SKY_BLUE

IMAGES = [4, 1]
Pixels = Callable[[Any], np.ndarray]


def invent(recording: Recording, shape: tuple[int, int]) -> Tensor:
    channels, glimpses = recording.canvases.shape[1], recording.beliefs.shape[1]
    return torch.rand(len(IMAGES), glimpses, channels, *shape, generator=torch.Generator().manual_seed(0))


def masks_of(recording: Recording, image: int) -> np.ndarray:
    shape: Any = recording.canvases.shape[2:]
    return recording.retina.coverage(recording.locations[[image]], shape)[0].numpy()


def grid_of(figure: Figure, rows: int) -> np.ndarray:
    return np.array(figure.axes).reshape(rows, -1)


def as_drawn(pixels: Tensor) -> np.ndarray:
    unit = pixels.numpy() / 255 if pixels.dtype == torch.uint8 else pixels.numpy()
    return np.broadcast_to(np.moveaxis(unit, 0, -1), (*unit.shape[1:], 3))


def test_originals_and_reconstructions_are_drawn(
    make_recording: Callable[..., Recording], class_names: Sequence[str], pixels_of: Pixels
) -> None:
    recording = make_recording(channels=3)
    reconstructions = invent(recording, (12, 12))
    grid = grid_of(draw_reconstructions(recording, reconstructions, IMAGES, class_names), 2)
    assert grid.shape == (2, 1 + 4)
    for row, image in enumerate(IMAGES):
        np.testing.assert_allclose(pixels_of(grid[row, 0]), as_drawn(recording.originals[image]))
        for glimpse in range(4):
            np.testing.assert_allclose(pixels_of(grid[row, 1 + glimpse]), as_drawn(reconstructions[row, glimpse]))


@pytest.mark.parametrize("num_scales", [1, 2])
def test_grey_images_are_blue_outside_the_mask(
    make_recording: Callable[..., Recording], class_names: Sequence[str], pixels_of: Pixels, num_scales: int
) -> None:
    recording = make_recording(num_scales=num_scales)
    reconstructions = invent(recording, (12, 12))
    grid = grid_of(draw_reconstructions(recording, reconstructions, IMAGES, class_names), 2)
    for row, image in enumerate(IMAGES):
        for glimpse, mask in enumerate(masks_of(recording, image)):
            grey, drawn = reconstructions[row, glimpse, 0].numpy()[..., None], pixels_of(grid[row, 1 + glimpse])
            np.testing.assert_allclose(drawn[mask], np.repeat(grey[mask], 3, 1))
            np.testing.assert_allclose(drawn[~mask], grey[~mask] * to_rgb(SKY_BLUE), rtol=1e-6)


def test_a_canvas_that_differs_from_the_original_is_drawn(
    make_recording: Callable[..., Recording], class_names: Sequence[str], pixels_of: Pixels
) -> None:
    recording = make_recording(original=(8, 8))
    grid = grid_of(draw_reconstructions(recording, invent(recording, (12, 12)), IMAGES, class_names), 2)
    assert grid.shape == (2, 2 + 4)
    assert [axes.get_title("center") for axes in grid[0, :3]] == ["original", "canvas", "glimpse 1"]
    np.testing.assert_allclose(pixels_of(grid[1, 0]), as_drawn(recording.originals[1]))
    np.testing.assert_allclose(pixels_of(grid[1, 1]), as_drawn(recording.canvases[1]))


def test_the_canvas_is_drawn_above_reconstructions_of_another_size(
    make_recording: Callable[..., Recording], class_names: Sequence[str], pixels_of: Pixels
) -> None:
    recording = make_recording(original=(8, 8))
    reconstructions = invent(recording, (8, 8))
    grid = grid_of(draw_reconstructions(recording, reconstructions, IMAGES, class_names), 4)
    assert grid.shape == (4, 1 + 4)
    for row, image in enumerate(IMAGES):
        canvas = as_drawn(recording.canvases[image])
        np.testing.assert_allclose(pixels_of(grid[2 * row, 0]), canvas)
        np.testing.assert_allclose(pixels_of(grid[2 * row + 1, 0]), as_drawn(recording.originals[image]))
        for glimpse, mask in enumerate(masks_of(recording, image)):
            above, below = grid[2 * row : 2 * row + 2, 1 + glimpse]
            np.testing.assert_allclose(pixels_of(above)[mask], canvas[mask])
            assert (pixels_of(above)[~mask] <= canvas[~mask] / 2).all()
            np.testing.assert_allclose(pixels_of(below), as_drawn(reconstructions[row, glimpse]))
            assert len(above.collections) == 1
            assert not below.collections


def test_beliefs_and_true_classes_are_written(recording: Recording, class_names: Sequence[str]) -> None:
    grid = grid_of(draw_reconstructions(recording, invent(recording, (12, 12)), IMAGES, class_names), 2)
    for row, image in enumerate(IMAGES):
        assert class_names[recording.labels[image]] in grid[row, 0].get_xlabel()
        for belief, axes in zip(recording.beliefs[image], grid[row, 1:], strict=True):
            top = belief.argmax()
            assert axes.get_xlabel() == f"{class_names[top]}\n{belief[top]:.0%}"
            assert axes.xaxis.label.get_color() == (CORRECT if top == recording.labels[image] else INCORRECT)


def test_many_classes_with_long_names(make_recording: Callable[..., Recording]) -> None:
    recording = make_recording(classes=100)
    figure = draw_reconstructions(recording, invent(recording, (12, 12)), IMAGES, ["hippopotamus $x$"] * 100)
    assert figure.axes[1].get_xlabel().startswith("hippopota…\n")


@pytest.mark.parametrize("shape", [(1, 4, 1, 12, 12), (2, 3, 1, 12, 12), (2, 4, 3, 12, 12), (2, 4, 12, 12)])
def test_other_shapes_are_refused(recording: Recording, class_names: Sequence[str], shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"expected reconstructions of torch.float32 and shape \(2, 4, 1, any, any\), got"
    ):
        draw_reconstructions(recording, torch.zeros(shape), IMAGES, class_names)


def test_arguments_that_do_not_fit_are_refused(recording: Recording, class_names: Sequence[str]) -> None:
    reconstructions = invent(recording, (12, 12))
    with pytest.raises(ValueError, match="expected images from 0 to 5, got 6"):
        draw_reconstructions(recording, reconstructions, [0, 6], class_names)
    with pytest.raises(ValueError, match="expected 3 class names, got 1"):
        draw_reconstructions(recording, reconstructions, IMAGES, ["cat"])
