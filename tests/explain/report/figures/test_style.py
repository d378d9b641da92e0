"""The style: the same wherever a figure is drawn, and in PNG and PDF files."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from explain.report.figures.style import (
    CLASS_COLORS,
    SERIES_COLORS,
    SERIES_MARKERS,
    figure_style,
    make_figure,
    save_figure,
)


@figure_style()
def draw() -> Figure:
    figure = make_figure(2, 1)
    figure.subplots().plot([1, 2, 3], label="a")
    return figure


def pixels(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()


def test_both_formats_are_written_into_new_folders(tmp_path: Path) -> None:
    image, document = save_figure(draw(), tmp_path / "new" / "folder" / "gain_0.5")
    assert image == tmp_path / "new" / "folder" / "gain_0.5.png"
    assert document == tmp_path / "new" / "folder" / "gain_0.5.pdf"
    with Image.open(image) as picture:
        assert picture.size == (400, 200)
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert document.read_bytes().startswith(b"%PDF")


def test_fonts_in_pdf_files_are_true_type(tmp_path: Path) -> None:
    _, document = save_figure(draw(), tmp_path / "figure")
    assert b"/CIDFontType2" in document.read_bytes()
    assert b"/Type3" not in document.read_bytes()


def test_the_same_figure_is_the_same_file(tmp_path: Path) -> None:
    files = [[path.read_bytes() for path in save_figure(draw(), tmp_path / name)] for name in ("one", "two")]
    assert files[0] == files[1]


def test_other_settings_do_not_change_what_is_drawn() -> None:
    expected = pixels(draw())
    figure = draw()
    with mpl.rc_context({"xtick.labelsize": 30, "ytick.major.size": 20, "font.family": "serif", "text.usetex": False}):
        np.testing.assert_array_equal(pixels(figure), expected)


def test_settings_are_restored() -> None:
    before = dict(mpl.rcParams)
    pixels(draw())
    assert dict(mpl.rcParams) == before


def test_a_dollar_sign_does_not_start_a_formula() -> None:
    with figure_style():
        assert not make_figure(1, 1).text(0, 0, "$x$").get_parse_math()


@pytest.mark.parametrize("styles", [SERIES_COLORS, SERIES_MARKERS, CLASS_COLORS])
def test_no_style_occurs_twice(styles: tuple[str, ...]) -> None:
    assert len(set(styles)) == len(styles)


@pytest.mark.parametrize("color", [*SERIES_COLORS, *CLASS_COLORS])
def test_colors_stand_out_from_white(color: str) -> None:
    """A contrast of at least 2 (WCAG's measure)."""
    channels = np.array(mpl.colors.to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 2
