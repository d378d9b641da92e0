"""One frame: an RGB image of a moment of an episode, with the canvas, the path, the glimpse and the belief."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle
from matplotlib.transforms import Affine2D, Bbox, TransformedBbox
from numpy.typing import NDArray

from glimpse_env.rendering.colours import (
    BLACK,
    FAINT,
    GREEN,
    MUTED,
    ORANGE,
    PAGE,
    SKY_BLUE,
    TEXT,
    TRACK,
    VERMILLION,
)
from glimpse_env.rendering.scene import Scene
from glimpse_env.rendering.style import matplotlib_settings, shorten
from glimpse_env.retina import MAX_PIXEL

# Video encoders want multiples of 16.
WIDTH, HEIGHT = 960, 528

CARD = (24, 24, 480)  # left, top and side of the square that the canvas is drawn on
COLUMN_LEFT, COLUMN_RIGHT = 540, 936
PANELS_TOP, PANEL_SIDE, PANEL_GAP = 78, 118, 21
BELIEF_TOP, ROW_HEIGHT, MAX_ROWS = 275, 23, 10
BAR_LEFT, BAR_RIGHT, BAR_HEIGHT = 664, 884, 14
MAX_NAME_LENGTH = 13


@matplotlib_settings()
def draw_frame(scene: Scene) -> np.ndarray:
    """Draws a frame.

    Args:
        scene: What to draw. Of more than 10 classes, the 10 most probable and the true one are shown.

    Returns:
        `(528, 960, 3)` uint8, the same size for every scene.

    Example:
        >>> import numpy as np
        >>> from glimpse_env.rendering.frame import draw_frame
        >>> from glimpse_env.rendering.scene import Scene
        >>> from glimpse_env.retina import Retina
        >>> scene = Scene(
        ...     canvas=np.zeros((1, 28, 28), np.uint8),
        ...     glimpse=np.zeros((1, 8, 8), np.float32),
        ...     locations=np.zeros((1, 2), np.float32),
        ...     belief=np.array([0.25, 0.75]),
        ...     class_names=("cat", "dog"),
        ...     retina=Retina(8, 1),
        ...     num_glimpses=6,
        ...     label=None,
        ... )
        >>> draw_frame(scene).shape
        (528, 960, 3)
    """
    page = _Page()
    _draw_canvas(page, scene)
    _draw_retina(page, scene)
    _draw_belief(page, scene)
    return page.to_array()


def _scale_style(scale: int) -> dict[str, Any]:
    """The outline of a scale on the canvas and around its panel: solid for the finest, dashed for the others."""
    if scale == 0:
        return {"edgecolor": ORANGE, "linewidth": 3}
    return {"edgecolor": ORANGE, "linewidth": 2, "linestyle": (0, (4, 2))}


def _draw_canvas(page: _Page, scene: Scene) -> None:
    card_left, card_top, side = CARD
    page.add(Rectangle((card_left, card_top), side, side, facecolor=BLACK, zorder=-1))

    height, width = shape = scene.canvas.shape[1:]
    # The margin grows with the coarsest patch, but leaves at least two thirds of the card to the canvas.
    finest, coarsest = scene.retina.patch_size(0), scene.retina.field_of_view
    margins = max(finest + finest % 2, min(coarsest, max(shape) // 2))
    zoom = side / (max(shape) + margins)
    if zoom > 1:
        zoom = int(zoom)
    shown_width, shown_height = round(width * zoom), round(height * zoom)
    left, top = card_left + (side - shown_width) // 2, card_top + (side - shown_height) // 2
    page.image(left, top, shown_width, shown_height, scene.canvas)
    page.add(Rectangle((left, top), shown_width, shown_height, fill=False, edgecolor=FAINT, linewidth=1))

    def corners(scale: int) -> NDArray[np.float64]:
        on_canvas = scene.retina.patch_corners(torch.tensor(scene.locations, device="cpu"), shape, scale).numpy()
        on_page: NDArray[np.float64] = on_canvas * zoom + [left, top]
        return on_page

    for scale in reversed(range(scene.retina.num_scales)):
        patch_side = scene.retina.patch_size(scale) * zoom
        style = _scale_style(scale)
        # A dark line below each bright one keeps it visible on any canvas.
        for line in ({"edgecolor": BLACK, "linewidth": style["linewidth"] + 2, "alpha": 0.5}, style):
            square = Rectangle(corners(scale)[-1], patch_side, patch_side, fill=False, **line)
            page.add(square, inside_card=True)

    path = corners(scale=0) + finest * zoom / 2
    strengths = 0.55 + 0.45 * 0.75 ** np.arange(len(path))[::-1]
    page.add(Line2D(*path.T, color=BLACK, linewidth=4, alpha=0.5))
    for leg, strength in zip(np.stack([path[:-1], path[1:]], axis=2), strengths[1:], strict=True):
        page.add(Line2D(*leg, color=SKY_BLUE, linewidth=2, alpha=strength))
    for number, ((x, y), strength) in enumerate(zip(path, strengths, strict=True), start=1):
        current = number == len(path)
        fill, ink = (ORANGE, BLACK) if current else (BLACK, to_rgba(SKY_BLUE, strength))
        page.add(Circle((x, y), 10, facecolor=fill, edgecolor=ink, linewidth=1.5, zorder=3))
        page.text(x, y, str(number), 11, ink, weight="bold", ha="center", zorder=3)


def _draw_retina(page: _Page, scene: Scene) -> None:
    page.text(COLUMN_LEFT, 34, f"Glimpse {len(scene.locations)} of {scene.num_glimpses}", 20, weight="bold")
    page.text(COLUMN_LEFT, 62, "what the agent sees", 12, MUTED)

    gaps = PANEL_GAP * (scene.retina.num_scales - 1)
    side = min(PANEL_SIDE, (COLUMN_RIGHT - COLUMN_LEFT - gaps) // scene.retina.num_scales)
    pixels = np.round(np.clip(scene.glimpse, 0, 1) * MAX_PIXEL).astype(np.uint8)
    for scale, patch in enumerate(np.split(pixels, scene.retina.num_scales)):
        left = COLUMN_LEFT + scale * (side + PANEL_GAP)
        page.image(left, PANELS_TOP, side, side, patch)
        page.add(Rectangle((left, PANELS_TOP), side, side, fill=False, **_scale_style(scale)))
        page.text(left, PANELS_TOP + side + 15, f"scale {scale}", 12)
        page.text(left, PANELS_TOP + side + 30, f"{scene.retina.patch_size(scale)} px", 12, MUTED)


def _draw_belief(page: _Page, scene: Scene) -> None:
    classes = _shown_classes(scene)
    title = "what it believes"
    if len(classes) < len(scene.class_names):
        title += f" (top {len(classes)} of {len(scene.class_names)} classes)"
    page.text(COLUMN_LEFT, BELIEF_TOP - 12, title, 12, MUTED)
    possible = scene.belief[scene.belief > 0]
    # abs: the entropy of a certain belief would be shown as "-0.00".
    entropy = f"entropy {abs((possible * np.log(possible)).sum()):.2f} nats"
    page.text(COLUMN_RIGHT, BELIEF_TOP - 12, entropy, 12, MUTED, ha="right")

    prediction = int(scene.belief.argmax())
    highlight = ORANGE
    if scene.label is not None:
        highlight = GREEN if prediction == scene.label else VERMILLION
        verdict = "✓ correct" if prediction == scene.label else "✗ wrong"
        page.text(COLUMN_RIGHT, 34, verdict, 20, highlight, weight="bold", ha="right")

    for row, index in enumerate(classes):
        middle = BELIEF_TOP + (row + 0.5) * ROW_HEIGHT
        probability = float(scene.belief[index])
        strong = index in (prediction, scene.label)
        color, weight = (TEXT, "bold") if strong else (MUTED, "normal")
        name = shorten(scene.class_names[index], MAX_NAME_LENGTH)
        page.text(BAR_LEFT - 12, middle, name, 13, color, weight=weight, ha="right")
        page.text(COLUMN_RIGHT, middle, f"{probability:.0%}", 13, color, weight=weight, ha="right")

        corner, width = (BAR_LEFT, middle - BAR_HEIGHT / 2), BAR_RIGHT - BAR_LEFT
        page.add(Rectangle(corner, width, BAR_HEIGHT, facecolor=TRACK))
        bar_color = highlight if index == prediction else SKY_BLUE
        page.add(Rectangle(corner, width * probability, BAR_HEIGHT, facecolor=bar_color))
        if index == scene.label:
            page.add(Rectangle(corner, width, BAR_HEIGHT, fill=False, edgecolor=GREEN, linewidth=2))
            page.text(BAR_RIGHT - 8, middle, "true class", 11, TEXT, weight="bold", ha="right")


def _shown_classes(scene: Scene) -> list[int]:
    """All classes in their order if they fit, else the most probable ones; the true one is always among them."""
    if len(scene.belief) <= MAX_ROWS:
        return list(range(len(scene.belief)))
    classes: list[int] = np.argsort(-scene.belief, kind="stable")[:MAX_ROWS].tolist()
    if scene.label is not None and scene.label not in classes:
        classes[-1] = scene.label
    return classes


class _Page:
    """A figure without axes, drawn on in pixels from its top-left corner, which is faster than a layout."""

    def __init__(self) -> None:
        # At 72 dots an inch a point is a pixel, so that line widths and font sizes are in pixels too.
        self._figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), dpi=72, facecolor=PAGE)
        self._canvas = FigureCanvasAgg(self._figure)
        self._transform = Affine2D().scale(1, -1).translate(0, HEIGHT)
        left, top, side = CARD
        self._card = TransformedBbox(Bbox.from_bounds(left, top, side, side), self._transform)

    def add(self, artist: Artist, *, inside_card: bool = False) -> None:
        artist.set_transform(self._transform)
        self._figure.add_artist(artist)
        if inside_card:
            artist.set_clip_box(self._card)

    def text(
        self, x: float, y: float, text: str, size: float, color: str | tuple[float, ...] = TEXT, **kwargs: Any
    ) -> None:
        self._figure.text(
            x,
            y,
            text,
            transform=self._transform,
            fontsize=size,
            color=color,
            family="DejaVu Sans",
            va="center_baseline",
            **kwargs,
        )

    def image(self, left: int, top: int, width: int, height: int, pixels: np.ndarray) -> None:
        """Draws pixels `(C, h, w)` uint8 on width x height pixels of the page, each one as a block of one colour."""
        rows = np.arange(height) * pixels.shape[1] // height
        columns = np.arange(width) * pixels.shape[2] // width
        enlarged = np.moveaxis(pixels, 0, -1)[rows[:, None], columns]
        rgb = np.broadcast_to(enlarged, (height, width, 3))
        self._figure.figimage(rgb, left, HEIGHT - top - height, origin="upper")

    def to_array(self) -> NDArray[np.uint8]:
        self._canvas.draw()  # type: ignore[no-untyped-call]
        rgba = np.asarray(self._canvas.buffer_rgba())  # type: ignore[no-untyped-call]
        rgb: NDArray[np.uint8] = rgba[..., :3].copy()
        return rgb
