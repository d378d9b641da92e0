"""Settings of matplotlib: what is drawn does not depend on the user's, which are as before afterwards."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_env.rendering.frame import draw_frame
from glimpse_env.rendering.scene import Scene
from glimpse_env.rendering.style import StyledFigure, matplotlib_settings, shorten
from glimpse_env.retina import Retina
from tests.matplotlib_settings import unusual_settings

STYLES = ["dark_background", "seaborn-v0_8", "bmh", "grayscale"]


@pytest.fixture(params=["settings", "xkcd", *STYLES])
def users_settings(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    with mpl.rc_context(unusual_settings() if request.param == "settings" else {}):
        if request.param == "xkcd":
            mpl.rcParams["path.sketch"] = (1, 100, 2)
        elif request.param in STYLES:
            mpl.style.use(request.param)
        yield dict(mpl.rcParams)


@matplotlib_settings({"lines.linewidth": 3})
def draw() -> StyledFigure:
    figure = StyledFigure(figsize=(2, 1), settings={"lines.linewidth": 3})
    axes = figure.subplots(1, 2)
    axes[0].plot([1, 2, 3], label="a")
    axes[0].legend()
    axes[1].imshow(np.eye(3))
    return figure


def file_of(figure: StyledFigure, kind: str) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata={"CreationDate": None} if kind == "pdf" else None)
    return file.getvalue()


def scene() -> Scene:
    return Scene(
        canvas=np.arange(144, dtype=np.uint8).reshape(1, 12, 12),
        glimpse=np.linspace(0, 1, 16, dtype=np.float32).reshape(1, 4, 4),
        locations=np.array([[-0.5, 0.2], [0.7, -0.3]], np.float32),
        belief=np.array([0.25, 0.75]),
        class_names=("cat", "dog"),
        retina=Retina(4, 1),
        num_glimpses=6,
        label=0,
    )


USUAL_FILES = {kind: file_of(draw(), kind) for kind in ("png", "pdf")}
USUAL_FRAME = draw_frame(scene())


def test_unusual_settings_change_almost_everything() -> None:
    changed = unusual_settings()
    assert sum(mpl.rcParamsDefault[name] != value for name, value in changed.items()) > 100


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_a_figure_is_the_same_file_byte_for_byte(users_settings: dict[str, Any], kind: str) -> None:
    assert file_of(draw(), kind) == USUAL_FILES[kind]
    assert dict(mpl.rcParams) == users_settings


def test_a_frame_is_the_same_pixel_for_pixel(users_settings: dict[str, Any]) -> None:
    np.testing.assert_array_equal(draw_frame(scene()), USUAL_FRAME)
    assert dict(mpl.rcParams) == users_settings


def test_the_users_settings_come_back_after_an_error() -> None:
    with mpl.rc_context({"font.size": 31}):
        with pytest.raises(ZeroDivisionError), matplotlib_settings({"font.size": 5}):
            raise ZeroDivisionError
        assert mpl.rcParams["font.size"] == 31


def test_threads_restore_the_users_settings_and_not_each_others() -> None:
    """Two threads overlap: without a lock, the second would take the first one's settings for the user's."""
    barrier = threading.Barrier(4)

    def enter(size: int) -> float:
        barrier.wait()
        with matplotlib_settings({"font.size": size}):
            return float(mpl.rcParams["font.size"])

    with mpl.rc_context({"font.size": 31}), ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(enter, [1, 2, 3, 4])) == [1, 2, 3, 4]
            assert mpl.rcParams["font.size"] == 31


def test_a_dollar_sign_does_not_start_a_formula() -> None:
    with matplotlib_settings():
        assert not StyledFigure().text(0, 0, "$x$").get_parse_math()


@given(st.text(), st.integers(1, 12))
def test_names_are_one_line_of_printable_letters_cut_to_length(name: str, length: int) -> None:
    short = shorten(name, length)
    assert len(short) == min(len(name), length)
    assert short.isprintable()
    for letter, written in zip(name, short, strict=False):
        assert written == letter or written == " " or (written == "…" and len(name) > length)
