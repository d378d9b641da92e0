"""The style: the same wherever a figure is drawn, and in PNG and PDF files."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from explain import Estimate, Recording, grid_locations
from explain.evidence.metric import Metric
from explain.knowledge.curves import InformationCurves
from explain.report import figures
from explain.report.figures import (
    draw_beliefs,
    draw_eig_against_gain,
    draw_eig_maps,
    draw_estimates,
    draw_evidence,
    draw_hidden_states,
    draw_information,
    draw_location_policies,
    draw_locations,
    draw_locations_by_class,
    draw_reconstruction_errors,
    draw_reconstructions,
    draw_removal_curves,
    draw_similarities,
    save_animation,
)
from explain.report.figures.style import (
    CLASS_COLORS,
    SERIES_COLORS,
    SERIES_MARKERS,
    figure_style,
    make_figure,
    save_figure,
)
from tests.matplotlib_settings import unusual_settings


@figure_style()
def draw() -> Figure:
    figure = make_figure(2, 1)
    figure.subplots().plot([1, 2, 3], label="a")
    return figure


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


def file_of(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, dpi=50)
    return file.getvalue()


def drawings(recording: Recording) -> dict[str, Callable[[], bytes]]:
    """A function for every kind of figure, which draws it as a file."""
    names, images = ("zero", "one", "two"), [0, 1]
    images_count, glimpses = len(images), recording.beliefs.shape[1]
    reconstructions = torch.linspace(0, 1, images_count * glimpses * 144).view(images_count, glimpses, 1, 12, 12)
    maps = torch.linspace(0, 1, images_count * glimpses * 4).view(images_count, glimpses, 4)
    line = Estimate(*torch.linspace(0.1, 0.9, 3 * glimpses).view(3, glimpses))
    curves = InformationCurves(*[line] * 7)
    number = Estimate(*torch.tensor([0.5, 0.4, 0.6]))
    metric = Metric("insertion", "?", number, {"null": number}, {"null": number})

    def animation() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.gif"
            save_animation(path, recording, 0, reconstructions[0], maps[0], grid_locations(2), names)
            return path.read_bytes()

    drawn: dict[str, Callable[[], Figure]] = {
        "beliefs": lambda: draw_beliefs(recording, images, names),
        "eig_against_gain": lambda: draw_eig_against_gain(torch.arange(6.0), torch.arange(6.0)),
        "eig_maps": lambda: draw_eig_maps(recording, maps, grid_locations(2), images),
        "estimates": lambda: draw_estimates(range(1, glimpses + 1), {"one": (line, line), "other": (line, line)}),
        "evidence": lambda: draw_evidence([metric]),
        "hidden_states": lambda: draw_hidden_states(recording, names),
        "information": lambda: draw_information({"one": curves, "other": curves}),
        "location_policies": lambda: draw_location_policies({"one": line, "other": line}),
        "locations": lambda: draw_locations(recording),
        "locations_by_class": lambda: draw_locations_by_class(recording, names),
        "removal_curves": lambda: draw_removal_curves({"one": line, "other": line}, {"one": line, "other": line}),
        "reconstruction_errors": lambda: draw_reconstruction_errors({"one": line, "other": line}, {"mean": 0.5}),
        "reconstructions": lambda: draw_reconstructions(recording, reconstructions, images, names),
        "similarities": lambda: draw_similarities({"one": {"trained": number, "random": number, "other": number}}),
    }
    return {"animation": animation} | {name: lambda draw=draw: file_of(draw()) for name, draw in drawn.items()}  # type: ignore[misc]


def test_every_figure_is_the_same_whatever_settings_the_user_has(make_recording: Callable[..., Recording]) -> None:
    recording = make_recording(glimpses=2)
    expected = {name: draw() for name, draw in drawings(recording).items()}
    with mpl.rc_context(unusual_settings()):
        before = dict(mpl.rcParams)
        for name, draw_again in drawings(recording).items():
            assert draw_again() == expected[name], name
            assert dict(mpl.rcParams) == before, name


def test_every_drawing_function_is_tried(make_recording: Callable[..., Recording]) -> None:
    tried = {"save_animation", *(f"draw_{name}" for name in drawings(make_recording()) if name != "animation")}
    assert tried == set(figures.__all__) - {"save_figure"}


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
