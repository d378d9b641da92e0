"""What an agent imagines after each glimpse, beside what there is."""

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

from explain.recording import Recording
from explain.report.figures.images import make_grid, mark_seen, show_image, write_belief, write_truth
from explain.report.figures.inputs import check_class_names, check_images, check_shape, shorten
from explain.report.figures.style import look
from glimpse_env.rendering.colours import SKY_BLUE
from glimpse_env.retina import MAX_PIXEL

NAME_LENGTH = 10
UNSEEN_SHARE = 0.35
"""How bright unseen pixels of a canvas stay."""


@look()
def draw_strips(recording: Recording, imagined: Tensor, images: Sequence[int], class_names: Sequence[str]) -> Figure:
    """Draws a strip for each image: the original, the canvas if it differs, what is imagined after each glimpse.

    A line goes around what has been seen so far. Where the image that is imagined lies on the canvas, the line is drawn
    on it, and grey images are blue where they are imagined only. Where it does not, the canvas is drawn above, dark
    where nothing has been seen. Below is the class most believed in, green if it is right.

    Args:
        recording: `N` images, `T` glimpses.
        imagined: What is imagined of these images, `(len(images), T, channels, h, w)` in [0, 1].
        images: Which images of the recording.
        class_names: Name of each class.

    Raises:
        ValueError: Something does not fit the recording.
    """
    check_images(recording, images)
    check_class_names(recording, class_names)
    glimpses = recording.beliefs.shape[1]
    check_shape("imagined", imagined, (len(images), glimpses, recording.originals.shape[1], None, None))
    shape: Any = recording.canvases.shape[2:]
    locations = recording.locations[list(images)]
    seen = recording.retina.coverage(locations, shape).numpy()
    names = [shorten(name, NAME_LENGTH) for name in class_names]
    draw = _draw_on_canvas if imagined.shape[-2:] == tuple(shape) else _draw_beside_canvas
    return draw(recording, imagined.numpy(), list(images), names, seen)


def _draw_on_canvas(
    recording: Recording, imagined: NDArray[Any], images: list[int], names: list[str], seen: NDArray[np.bool_]
) -> Figure:
    given = {"original": recording.originals}
    if not torch.equal(recording.originals[images], recording.canvases[images]):
        given["canvas"] = recording.canvases
    columns = len(given) + imagined.shape[1]
    height, width = imagined.shape[-2:]
    figure, grid = make_grid(len(images), columns, height / width, margins=(0, 0.2), below=_room_below(names))
    for row, image in enumerate(images):
        for axes, pixels in zip(grid[row], given.values(), strict=False):
            show_image(axes, pixels[image])
        write_truth(grid[row, 0], names[recording.labels[image]])
        for glimpse, axes in enumerate(grid[row, len(given) :]):
            show_image(axes, _tint(imagined[row, glimpse], seen[row, glimpse]))
            mark_seen(axes, seen[row, glimpse])
            _write_belief(axes, recording, image, glimpse, names)
    _write_titles(grid[0], list(given))
    return figure


def _draw_beside_canvas(
    recording: Recording, imagined: NDArray[Any], images: list[int], names: list[str], seen: NDArray[np.bool_]
) -> Figure:
    height, width = imagined.shape[-2:]
    figure, grid = make_grid(
        2 * len(images),
        1 + imagined.shape[1],
        height / width,
        margins=(0.25, 0.2),
        below=_room_below(names) / 2,
    )
    for row, image in enumerate(images):
        above, below = grid[2 * row], grid[2 * row + 1]
        above[0].set_ylabel("seen")
        below[0].set_ylabel("imagined")
        show_image(above[0], recording.canvases[image])
        show_image(below[0], recording.originals[image])
        write_truth(below[0], names[recording.labels[image]])
        for glimpse in range(imagined.shape[1]):
            show_image(above[1 + glimpse], _dim(recording.canvases[image].numpy(), seen[row, glimpse]))
            mark_seen(above[1 + glimpse], seen[row, glimpse])
            show_image(below[1 + glimpse], imagined[row, glimpse])
            _write_belief(below[1 + glimpse], recording, image, glimpse, names)
    _write_titles(grid[0], ["what there is"])
    return figure


def _room_below(names: list[str]) -> float:
    """For the belief, in inches."""
    return 0.16 if max(map(len, names)) < 3 else 0.28


def _write_titles(row: Sequence[Axes], given: list[str]) -> None:
    titles = given + [f"glimpse {number}" for number in range(1, len(row) - len(given) + 1)]
    for axes, title in zip(row, titles, strict=True):
        axes.set_title(title, loc="center", size=7)


def _write_belief(axes: Axes, recording: Recording, image: int, glimpse: int, names: list[str]) -> None:
    belief = recording.beliefs[image, glimpse]
    top = int(belief.argmax())
    write_belief(axes, names[top], float(belief[top]), top == int(recording.labels[image]))


def _tint(pixels: NDArray[Any], seen: NDArray[np.bool_]) -> NDArray[Any]:
    """Colours unseen pixels blue in a grey image `(1, H, W)`; leaves other images as they are."""
    if len(pixels) != 1:
        return pixels
    color = np.array(to_rgb(SKY_BLUE))[:, None, None]
    return np.where(seen, pixels, pixels * color)


def _dim(canvas: NDArray[np.uint8], seen: NDArray[np.bool_]) -> NDArray[Any]:
    """Darkens the unseen pixels of a canvas `(channels, H, W)`; what comes back is in [0, 1]."""
    return canvas / MAX_PIXEL * np.where(seen, 1, UNSEEN_SHARE)
