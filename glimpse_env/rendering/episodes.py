"""What is drawn on the canvases of episodes: what was seen of them, the glimpses, and their path."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from glimpse_env.rendering.colours import BLACK, ORANGE, SKY_BLUE
from glimpse_env.retina import MAX_PIXEL, Retina

UNSEEN_BRIGHTNESS = 0.35
"""The factor that darkens the pixels of a canvas outside the coverage mask."""


class Episodes(Protocol):
    """Where an agent looked on `N` canvases, with `T` glimpses each. All tensors are on the CPU."""

    @property
    def canvases(self) -> Tensor:
        """The canvases, `(N, channels, H, W)` uint8."""

    @property
    def locations(self) -> Tensor:
        """The locations of the glimpses, `(N, T, 2)` float32, `(x, y)`."""

    @property
    def retina(self) -> Retina:
        """The geometry of looking."""


def show_image(axes: Axes, pixels: ArrayLike) -> None:
    """Draws an image `(channels, H, W)`, uint8 or in [0, 1], without ticks and spines.

    The centre of the pixel in column `j` and row `i` is the point `(j, i)`.
    """
    pixels = np.asarray(pixels)
    unit = pixels / MAX_PIXEL if pixels.dtype == np.uint8 else pixels.clip(0, 1)
    rgb = np.broadcast_to(np.moveaxis(unit, 0, -1), (*unit.shape[1:], 3))
    axes.imshow(rgb, interpolation="nearest")
    axes.set(xticks=[], yticks=[], xlim=(-0.5, rgb.shape[1] - 0.5), ylim=(rgb.shape[0] - 0.5, -0.5))
    axes.spines[:].set_visible(False)


def show_canvas(axes: Axes, episodes: Episodes, image: int, count: int) -> None:
    """Draws a canvas as far as an agent knows it: what its first `count` glimpses have not covered is dark.

    There is a margin for what is drawn on glimpses at the edge of the canvas; see `leave_margin`.
    """
    show_image(axes, darken_unseen(episodes.canvases[image].numpy(), coverage_of(episodes, image)[count - 1]))
    leave_margin(axes, episodes)


def coverage_of(episodes: Episodes, image: int) -> NDArray[np.bool_]:
    """Returns the pixels of a canvas that each glimpse and those before it covered, `(T, H, W)`."""
    shape: Any = episodes.canvases.shape[2:]
    mask: NDArray[np.bool_] = episodes.retina.coverage(episodes.locations[image][None], shape)[0].numpy()
    return mask


def darken_unseen(canvas: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Converts a canvas `(channels, H, W)` to [0, 1] and darkens it outside a mask `(H, W)`."""
    return canvas / MAX_PIXEL * np.where(mask, 1, UNSEEN_BRIGHTNESS)


def margin_of(episodes: Episodes) -> float:
    """Returns how far the finest patch at the edge of a canvas reaches beyond it, with its outline, in pixels."""
    return episodes.retina.glimpse_size / 2 + 1


def leave_margin(axes: Axes, episodes: Episodes) -> None:
    """Leaves space around a canvas, so that nothing that is drawn at its edge is cut off by the next panel."""
    height, width = episodes.canvases.shape[2:]
    margin = margin_of(episodes)
    axes.set(xlim=(-margin - 0.5, width + margin - 0.5), ylim=(height + margin - 0.5, -margin - 0.5))


def aspect_of(episodes: Episodes) -> float:
    """Returns the height of a canvas with its margin, divided by its width."""
    height, width = episodes.canvases.shape[2:]
    return (height + 2 * margin_of(episodes)) / (width + 2 * margin_of(episodes))


def patches_of(episodes: Episodes, image: int) -> NDArray[np.float64]:
    """Returns the top-left corner of the finest patch of each glimpse, `(T, 2)`, in the coordinates of `show_image`."""
    shape: Any = episodes.canvases.shape[2:]
    corners = episodes.retina.patch_corners(episodes.locations[image], shape)
    return corners.numpy() - 0.5


def draw_glimpses(axes: Axes, episodes: Episodes, image: int, count: int) -> None:
    """Draws the finest patches of the first `count` glimpses on a canvas, the latest in orange."""
    side = episodes.retina.glimpse_size
    for number, corner in enumerate(patches_of(episodes, image)[:count], start=1):
        color, width = (ORANGE, 1.3) if number == count else (SKY_BLUE, 0.6)
        axes.add_patch(Rectangle(tuple(corner), side, side, fill=False, edgecolor=color, linewidth=width))


def draw_path(axes: Axes, episodes: Episodes, image: int, count: int) -> None:
    """Draws the path through the first `count` glimpses on a canvas, with their numbers."""
    centres = patches_of(episodes, image)[:count] + episodes.retina.glimpse_size / 2
    # The bright line stays visible on any canvas because there is a dark one below it.
    axes.plot(*centres.T, color=BLACK, linewidth=2.4, alpha=0.5)
    axes.plot(*centres.T, color=SKY_BLUE, linewidth=1)
    for number, centre in enumerate(centres, start=1):
        fill, ink = (ORANGE, BLACK) if number == count else (BLACK, SKY_BLUE)
        order: dict[str, Any] = {"zorder": 3 + number / count, "clip_on": False}
        axes.plot(*centre, "o", color=fill, markeredgecolor=ink, markeredgewidth=0.7, markersize=8, **order)
        style: dict[str, Any] = {"size": 6, "weight": "bold", "ha": "center", "va": "center_baseline"}
        axes.annotate(str(number), centre, color=ink, **style, **order)
