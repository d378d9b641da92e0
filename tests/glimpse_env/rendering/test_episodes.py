"""What is drawn on canvases: images as they are, what was seen, glimpses, and the path through them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from glimpse_env.rendering.colours import ORANGE, SKY_BLUE
from glimpse_env.rendering.episodes import draw_glimpses, draw_path, patches_of, show_canvas, show_image
from glimpse_env.retina import Retina


class Looks(NamedTuple):
    """Where somebody looked."""

    canvases: torch.Tensor
    locations: torch.Tensor
    retina: Retina


def make(canvas: tuple[int, int] = (12, 12)) -> Looks:
    rng = np.random.default_rng(0)
    canvases = torch.from_numpy(rng.integers(256, size=(4, 1, *canvas), dtype=np.uint8))
    locations = torch.from_numpy(rng.uniform(-1, 1, (4, 4, 2)).astype(np.float32))
    return Looks(canvases, locations, Retina(4, 1))


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


def boxes_of(axes: Axes) -> list[tuple[float, ...]]:
    return [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in axes.patches]  # type: ignore[attr-defined]


def pixels_of(axes: Axes) -> np.ndarray:
    """The image that was drawn first, `(H, W, 3)`."""
    return np.asarray(axes.images[0].get_array())


@pytest.mark.parametrize("channels", [1, 3])
def test_uint8_and_float_pixels_give_the_same_image(axes: Axes, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(channels, 3, 5), dtype=np.uint8)
    show_image(axes, pixels)
    expected = np.moveaxis(np.broadcast_to(pixels, (3, 3, 5)), 0, -1) / 255
    np.testing.assert_allclose(pixels_of(axes), expected)
    axes.clear()
    show_image(axes, pixels / np.float32(255))
    np.testing.assert_allclose(pixels_of(axes), expected, atol=1e-6)
    assert axes.get_xlim() == (-0.5, 4.5)
    assert axes.get_ylim() == (2.5, -0.5)


@pytest.mark.parametrize("canvas", [(12, 12), (20, 9)])
def test_patches_are_centred_on_locations(canvas: tuple[int, int]) -> None:
    episodes = make(canvas)
    centres = patches_of(episodes, 2) + episodes.retina.glimpse_size / 2
    exact = (episodes.locations[2].numpy() + 1) / 2 * [canvas[1], canvas[0]] - 0.5
    assert np.abs(centres - exact).max() <= 0.5 + 1e-6


def test_glimpses_so_far_are_drawn(axes: Axes) -> None:
    episodes = make()
    draw_glimpses(axes, episodes, 3, 2)
    assert boxes_of(axes) == [(*corner, 4, 4) for corner in patches_of(episodes, 3)[:2].tolist()]
    colors = [to_hex(patch.get_edgecolor()) for patch in axes.patches]
    assert colors == [SKY_BLUE, ORANGE]


def test_the_path_goes_through_the_centres_of_glimpses(axes: Axes) -> None:
    episodes = make()
    draw_path(axes, episodes, 3, 3)
    middles = patches_of(episodes, 3)[:3] + 2
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), middles)
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    np.testing.assert_array_equal([text.xy for text in axes.texts], middles)  # type: ignore[attr-defined]


def test_what_has_not_been_seen_is_dark(axes: Axes) -> None:
    episodes = make()
    for count in range(1, 5):
        axes.clear()
        show_canvas(axes, episodes, 2, count)
        canvas, drawn = episodes.canvases[2, 0].numpy() / 255, pixels_of(axes)[..., 0]
        seen = np.zeros(canvas.shape, bool)
        for x, y in patches_of(episodes, 2)[:count] + 0.5:
            seen[max(int(y), 0) : max(int(y) + 4, 0), max(int(x), 0) : max(int(x) + 4, 0)] = True
        np.testing.assert_allclose(drawn[seen], canvas[seen])
        assert (drawn[~seen] <= canvas[~seen] / 2).all()
        assert seen.any()
        assert not seen.all()
