"""One episode, glimpse by glimpse, as an animated picture: what was seen, imagined, believed, and worth a look."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from explain.recording import Recording
from explain.report.figures.eig_maps import check_grid, draw_map, mark_next
from explain.report.figures.images import mark_glimpses, mark_way, show_image
from explain.report.figures.inputs import MAX_CLASSES, check_class_names, check_images, check_shape, shorten
from explain.report.figures.style import FAINT, INK, MUTED, RIGHT, WRONG, look, make_figure
from glimpse_env.rendering.colours import BLACK, SKY_BLUE
from glimpse_env.rendering.gif import LAST_FRAME_SECONDS
from glimpse_env.retina import MAX_PIXEL

WIDTH, HEIGHT = 5.2, 1.7
"""Of a frame, in inches."""
LEFT, BOTTOM, SIDE, GAP = 0.1, 0.1, 1.14, 0.1
SQUARES = [(LEFT + number * (SIDE + GAP), BOTTOM, SIDE, SIDE) for number in range(3)]
BOXES = [*SQUARES, (3.77, BOTTOM, 0.06, SIDE), (4.46, BOTTOM, 0.46, SIDE)]
"""Left, bottom, width and height of canvas, imagined image, map, its colours, and belief."""
FRAME_SECONDS = 1.0
NEARLY_WHITE = 248
NAME_LENGTH = 10


@look()
def save_animation(
    path: str | os.PathLike[str],
    recording: Recording,
    image: int,
    imagined: Tensor,
    maps: Tensor,
    locations: Tensor,
    class_names: Sequence[str],
) -> Path:
    """Saves one episode as an animated GIF that loops, a frame a glimpse.

    A frame shows the canvas with the glimpses so far, what is imagined of it, what looking anywhere else would tell
    (a cross is where the agent looked next), and the belief. Of more than 10 classes, those most believed in when the
    episode ends are shown, and the true one.

    Args:
        path: Where to write; missing folders are made.
        recording: `N` images, `T` glimpses.
        image: Which image of the recording.
        imagined: What is imagined of it after each glimpse, `(T, channels, h, w)` in [0, 1].
        maps: Expected information gain after each glimpse in nats, `(T, L)`.
        locations: Where, `(L, 2)`: the centres of a grid of cells; see `explain.grid_locations`.
        class_names: Name of each class.

    Returns:
        `path`.

    Raises:
        ValueError: Something does not fit the recording, or the locations are no such grid.
    """
    check_images(recording, [image])
    check_class_names(recording, class_names)
    glimpses = recording.beliefs.shape[1]
    check_shape("imagined", imagined, (glimpses, recording.originals.shape[1], None, None))
    check_shape("maps", maps, (glimpses, len(locations)))
    check_grid(locations)
    frames = []
    for count in range(1, glimpses + 1):
        frames.append(_rasterise(_draw_frame(recording, image, count, imagined, maps, class_names)))
    palette = _palette_of(frames)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    seconds = [FRAME_SECONDS] * (glimpses - 1) + [LAST_FRAME_SECONDS]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(
        path, format="GIF", save_all=True, append_images=frames[1:], duration=[1000 * s for s in seconds], loop=0
    )
    return path


def _draw_frame(
    recording: Recording, image: int, count: int, imagined: Tensor, maps: Tensor, class_names: Sequence[str]
) -> Figure:
    """Draws the moment after `count` glimpses."""
    # Without a layout engine nothing moves from frame to frame.
    figure = make_figure(WIDTH, HEIGHT, layout=None)
    glimpses = len(imagined)
    axes = (figure.add_axes((x / WIDTH, y / HEIGHT, width / WIDTH, height / HEIGHT)) for x, y, width, height in BOXES)
    canvas, image_axes, eig, scale, bars = axes
    figure.text(LEFT / WIDTH, 1.51 / HEIGHT, f"glimpse {count} of {glimpses}", size=8, weight="bold")
    titles = {canvas: "seen", image_axes: "imagined", eig: "worth a look (cross: next), nats", bars: "believed"}
    for one, title in titles.items():
        one.set_title(title, size=6, color=MUTED, pad=3)
    show_image(canvas, recording.canvases[image])
    mark_glimpses(canvas, recording, image, count)
    mark_way(canvas, recording, image, count)
    show_image(image_axes, imagined[count - 1].numpy())
    mappable = draw_map(eig, recording.canvases[image].numpy(), maps[count - 1], float(maps.max()))
    figure.colorbar(mappable, scale).outline.set_visible(False)
    scale.set_facecolor(BLACK)
    scale.tick_params(labelsize=5, length=1.5, pad=1)
    if count < glimpses:
        mark_next(eig, recording, image, count)
    _draw_belief(bars, recording, image, count, class_names)
    return figure


def _draw_belief(axes: Axes, recording: Recording, image: int, count: int, class_names: Sequence[str]) -> None:
    """Draws the belief after `count` glimpses as a bar a class."""
    belief, label = recording.beliefs[image, count - 1].numpy(), int(recording.labels[image])
    classes = _classes_in_frame(recording.beliefs[image, -1].numpy(), label)
    top = int(belief.argmax())
    colors = [SKY_BLUE if number != top else RIGHT if top == label else WRONG for number in classes]
    rows = np.arange(len(classes))
    axes.barh(rows, np.ones(len(classes)), color=FAINT, alpha=0.4, height=0.7)
    axes.barh(rows, belief[classes], color=colors, height=0.7)
    axes.set(xlim=(0, 1), ylim=(len(classes) - 0.5, -0.5), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    for row, number in enumerate(classes):
        how: Any = {"size": 5, "va": "center_baseline", "weight": "bold" if number in (top, label) else "normal"}
        color = RIGHT if number == label else INK
        axes.text(-0.06, row, shorten(class_names[number], NAME_LENGTH), ha="right", color=color, **how)
        axes.text(1.06, row, f"{belief[number]:.0%}", ha="left", color=MUTED, **how)


def _classes_in_frame(last_belief: NDArray[np.float32], label: int) -> list[int]:
    """All classes if there is room for them, else those most believed in at the end, and the true one."""
    order = np.argsort(-last_belief, kind="stable").tolist()
    if label not in order[:MAX_CLASSES]:
        order.insert(0, label)
    return sorted(order[:MAX_CLASSES])


def _palette_of(frames: Sequence[Image.Image]) -> Image.Image:
    """One palette for all frames: if each had its own, colours would flicker."""
    everything = Image.fromarray(np.concatenate([np.asarray(frame) for frame in frames]))
    palette = everything.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=3)
    colors = np.array(palette.getpalette()).reshape(-1, 3)
    # The page is to be white, not the mean of all that is nearly white.
    colors[(colors >= NEARLY_WHITE).all(1)] = MAX_PIXEL
    palette.putpalette(colors.flatten().tolist())
    return palette


def _rasterise(figure: Figure) -> Image.Image:
    """The figure as pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels: Any = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    return Image.fromarray(np.asarray(pixels)[..., :3].copy())
