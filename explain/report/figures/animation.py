"""One episode as an animated GIF: glimpses, reconstruction, expected information gain (EIG) and belief."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explain.numbers import check_tensor
from explain.recording import Recording
from explain.report.figures.eig_maps import check_grid, color_scale, draw_eig_map, mark_next_location
from explain.report.figures.inputs import MAX_CLASSES, check_class_names, check_images
from explain.report.figures.style import CORRECT, FAINT, INCORRECT, INK, MUTED, figure_style, make_figure
from glimpse_env.rendering.colours import BLACK, SKY_BLUE
from glimpse_env.rendering.episodes import draw_glimpses, draw_path, show_canvas, show_image
from glimpse_env.rendering.gif import LAST_FRAME_SECONDS
from glimpse_env.rendering.style import shorten
from glimpse_env.retina import MAX_PIXEL
from glimpse_env.utils.paths import read_file_path

WIDTH, HEIGHT = 5.2, 1.7
"""Size of a frame, in inches."""
LEFT, BOTTOM, SIDE, GAP = 0.1, 0.1, 1.14, 0.1
SQUARES = [(LEFT + number * (SIDE + GAP), BOTTOM, SIDE, SIDE) for number in range(3)]
BOXES = [*SQUARES, (3.77, BOTTOM, 0.06, SIDE), (4.46, BOTTOM, 0.46, SIDE)]
"""Left, bottom, width and height of the axes: canvas, reconstruction, EIG map, colour bar, belief; in inches."""
FRAME_SECONDS = 1.0
NEARLY_WHITE = 248
"""The least value of each channel of a pixel that counts as background."""
NAME_LENGTH = 10


@figure_style()
def save_animation(
    path: str | os.PathLike[str],
    recording: Recording,
    image: int,
    reconstructions: Tensor,
    maps: Tensor,
    locations: Tensor,
    class_names: Sequence[str],
) -> Path:
    """Saves one episode as an animated GIF that loops, with one frame per glimpse.

    A frame shows the canvas with the glimpses so far, dark where none has been; the reconstruction; the EIG map with a
    cross at the next location of the agent; and the belief. Of more than 10 classes, the true one and the most probable
    ones at the end of the episode are shown.

    Args:
        path: The file; missing folders are created.
        recording: `N` images and `T` glimpses.
        image: Position of the image in the recording.
        reconstructions: Reconstruction after each glimpse, `(T, channels, h, w)` in [0, 1].
        maps: EIG in nats after each glimpse, `(T, L)`.
        locations: The locations of the maps, `(L, 2)`, from `glimpse_env.retina.grid_locations`.
        class_names: The name of each class.

    Returns:
        `path`.

    Raises:
        ValueError: An argument does not fit the recording, or the locations are not a grid.
    """
    check_images(recording, [image])
    check_class_names(recording, class_names)
    glimpses = recording.beliefs.shape[1]
    check_tensor(
        "reconstructions", reconstructions, torch.float32, (glimpses, recording.originals.shape[1], None, None)
    )
    check_tensor("maps", maps, torch.float32, (glimpses, len(locations)))
    check_grid(locations)
    frames = []
    for count in range(1, glimpses + 1):
        frames.append(_rasterise(_draw_frame(recording, image, count, reconstructions, maps, class_names)))
    palette = _palette_of(frames)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    seconds = [FRAME_SECONDS] * (glimpses - 1) + [LAST_FRAME_SECONDS]
    path = read_file_path("path", path)
    path.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(
        path, format="GIF", save_all=True, append_images=frames[1:], duration=[1000 * s for s in seconds], loop=0
    )
    return path


def _draw_frame(
    recording: Recording, image: int, count: int, reconstructions: Tensor, maps: Tensor, class_names: Sequence[str]
) -> Figure:
    """Draws the frame after `count` glimpses."""
    # Without a layout engine, every frame has the same layout.
    figure = make_figure(WIDTH, HEIGHT, layout=None)
    glimpses = len(reconstructions)
    axes = (figure.add_axes((x / WIDTH, y / HEIGHT, width / WIDTH, height / HEIGHT)) for x, y, width, height in BOXES)
    canvas, reconstruction, eig, color_bar, bars = axes
    figure.text(LEFT / WIDTH, 1.51 / HEIGHT, f"glimpse {count} of {glimpses}", size=8, weight="bold")
    titles = {canvas: "glimpses", reconstruction: "reconstruction", eig: "EIG, nats (cross: next)", bars: "belief"}
    for one, title in titles.items():
        one.set_title(title, size=6, color=MUTED, pad=3)
    show_canvas(canvas, recording, image, count)
    draw_glimpses(canvas, recording, image, count)
    draw_path(canvas, recording, image, count)
    show_image(reconstruction, reconstructions[count - 1].numpy())
    mappable = draw_eig_map(eig, recording, image, count, maps[count - 1], color_scale(maps))
    figure.colorbar(mappable, color_bar).outline.set_visible(False)
    color_bar.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    color_bar.set_facecolor(BLACK)
    color_bar.tick_params(labelsize=5, length=1.5, pad=1)
    if count < glimpses:
        mark_next_location(eig, recording, image, count)
    _draw_belief(bars, recording, image, count, class_names)
    return figure


def _draw_belief(axes: Axes, recording: Recording, image: int, count: int, class_names: Sequence[str]) -> None:
    """Draws the belief after `count` glimpses as one bar per class."""
    belief, label = recording.beliefs[image, count - 1].numpy(), int(recording.labels[image])
    classes = _classes_in_frame(recording.beliefs[image, -1].numpy(), label)
    top = int(belief.argmax())
    colors = [SKY_BLUE if number != top else CORRECT if top == label else INCORRECT for number in classes]
    rows = np.arange(len(classes))
    axes.barh(rows, np.ones(len(classes)), color=FAINT, alpha=0.4, height=0.7)
    axes.barh(rows, belief[classes], color=colors, height=0.7)
    axes.set(xlim=(0, 1), ylim=(len(classes) - 0.5, -0.5), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    for row, number in enumerate(classes):
        style: Any = {"size": 5, "va": "center_baseline", "weight": "bold" if number in (top, label) else "normal"}
        color = CORRECT if number == label else INK
        axes.text(-0.06, row, shorten(class_names[number], NAME_LENGTH), ha="right", color=color, **style)
        axes.text(1.06, row, f"{belief[number]:.0%}", ha="left", color=MUTED, **style)


def _classes_in_frame(last_belief: NDArray[np.float32], label: int) -> list[int]:
    """Returns the classes in a frame: all of them, or the true one and the most probable ones at the end."""
    order = np.argsort(-last_belief, kind="stable").tolist()
    if label not in order[:MAX_CLASSES]:
        order.insert(0, label)
    return sorted(order[:MAX_CLASSES])


def _palette_of(frames: Sequence[Image.Image]) -> Image.Image:
    """Makes one palette for all frames, because colours would flicker if each frame had its own."""
    everything = Image.fromarray(np.concatenate([np.asarray(frame) for frame in frames]))
    palette = everything.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=3)
    colors = np.array(palette.getpalette()).reshape(-1, 3)
    # Quantisation averages similar colours; the background must stay exactly white.
    colors[(colors >= NEARLY_WHITE).all(1)] = MAX_PIXEL
    palette.putpalette(colors.flatten().tolist())
    return palette


def _rasterise(figure: Figure) -> Image.Image:
    """Renders a figure as an image."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels: Any = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(pixels)[..., :3].copy())
