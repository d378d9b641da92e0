"""Reconstructions from the hidden state after each glimpse, beside the original image and the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from explain.numbers import check_tensor
from explain.recording import Recording
from explain.report.figures.images import draw_coverage, label_with_belief, label_with_class, make_grid
from explain.report.figures.inputs import check_class_names, check_images
from explain.report.figures.style import figure_style
from glimpse_env.rendering.colours import SKY_BLUE
from glimpse_env.rendering.episodes import darken_unseen, show_image
from glimpse_env.rendering.style import shorten

NAME_LENGTH = 10


@figure_style()
def draw_reconstructions(
    recording: Recording, reconstructions: Tensor, images: Sequence[int], class_names: Sequence[str]
) -> Figure:
    """Draws a row for each image: the original, the canvas if it differs, and the reconstruction after each glimpse.

    An outline shows the coverage mask. If the reconstructions have the size of the canvas, the mask is drawn on them,
    and grey images are blue outside of it. Otherwise there is a second row above, which shows the canvas, darkened
    outside the mask. The label is the most probable class, in green if it is correct.

    Args:
        recording: `N` images and `T` glimpses.
        reconstructions: Reconstructions of these images, `(len(images), T, channels, h, w)` in [0, 1].
        images: Positions of the images in the recording.
        class_names: The name of each class.

    Raises:
        ValueError: An argument does not fit the recording.
    """
    check_images(recording, images)
    check_class_names(recording, class_names)
    glimpses = recording.beliefs.shape[1]
    channels = recording.originals.shape[1]
    check_tensor("reconstructions", reconstructions, torch.float32, (len(images), glimpses, channels, None, None))
    shape: Any = recording.canvases.shape[2:]
    masks = recording.retina.coverage(recording.locations[list(images)], shape).numpy()  # (len(images), T, H, W)
    names = [shorten(name, NAME_LENGTH) for name in class_names]
    draw = _draw_on_canvas if reconstructions.shape[-2:] == tuple(shape) else _draw_below_canvas
    return draw(recording, reconstructions.numpy(), list(images), names, masks)


def _draw_on_canvas(
    recording: Recording, reconstructions: NDArray[Any], images: list[int], names: list[str], masks: NDArray[np.bool_]
) -> Figure:
    given = {"original": recording.originals}
    if not torch.equal(recording.originals[images], recording.canvases[images]):
        given["canvas"] = recording.canvases
    columns = len(given) + reconstructions.shape[1]
    height, width = reconstructions.shape[-2:]
    figure, grid = make_grid(len(images), columns, height / width, margins=(0, 0.2), below=_label_height(names))
    for row, image in enumerate(images):
        for axes, pixels in zip(grid[row], given.values(), strict=False):
            show_image(axes, pixels[image])
        label_with_class(grid[row, 0], names[recording.labels[image]])
        for glimpse, axes in enumerate(grid[row, len(given) :]):
            show_image(axes, _tint(reconstructions[row, glimpse], masks[row, glimpse]))
            draw_coverage(axes, masks[row, glimpse])
            _label(axes, recording, image, glimpse, names)
    _set_titles(grid[0], list(given))
    return figure


def _draw_below_canvas(
    recording: Recording, reconstructions: NDArray[Any], images: list[int], names: list[str], masks: NDArray[np.bool_]
) -> Figure:
    height, width = reconstructions.shape[-2:]
    figure, grid = make_grid(
        2 * len(images),
        1 + reconstructions.shape[1],
        height / width,
        margins=(0.25, 0.2),
        below=_label_height(names) / 2,
    )
    for row, image in enumerate(images):
        above, below = grid[2 * row], grid[2 * row + 1]
        above[0].set_ylabel("canvas", size=6)
        below[0].set_ylabel("reconstruction", size=6)
        show_image(above[0], recording.canvases[image])
        show_image(below[0], recording.originals[image])
        label_with_class(below[0], names[recording.labels[image]])
        for glimpse in range(reconstructions.shape[1]):
            show_image(above[1 + glimpse], darken_unseen(recording.canvases[image].numpy(), masks[row, glimpse]))
            draw_coverage(above[1 + glimpse], masks[row, glimpse])
            show_image(below[1 + glimpse], reconstructions[row, glimpse])
            _label(below[1 + glimpse], recording, image, glimpse, names)
    _set_titles(grid[0], ["ground truth"])
    return figure


def _label_height(names: list[str]) -> float:
    """Returns the height of the label with the belief, in inches."""
    return 0.16 if max(map(len, names)) < 3 else 0.28


def _set_titles(row: Sequence[Axes], given: list[str]) -> None:
    titles = given + [f"glimpse {number}" for number in range(1, len(row) - len(given) + 1)]
    for axes, title in zip(row, titles, strict=True):
        axes.set_title(title, loc="center", size=7)


def _label(axes: Axes, recording: Recording, image: int, glimpse: int, names: list[str]) -> None:
    belief = recording.beliefs[image, glimpse]
    top = int(belief.argmax())
    label_with_belief(axes, names[top], float(belief[top]), top == int(recording.labels[image]))


def _tint(pixels: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Colours a grey image `(1, H, W)` blue outside a mask; returns images with more channels as they are."""
    if len(pixels) != 1:
        return pixels
    color = np.array(to_rgb(SKY_BLUE))[:, None, None]
    return np.where(mask, pixels, pixels * color)
