"""The report: an explanation as one HTML page with all figures, numbers and definitions."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image, ImageSequence

from explain.explanation import Explanation
from explain.report.all_figures import NUM_FAILURES, DrawnFigure, draw_all_figures
from explain.report.captions import captions_of
from explain.report.failures import Failure, describe_failures, most_confident_failures, tell_failure
from explain.report.figures.style import DOTS_PER_INCH
from explain.report.summary import checks_of, headlines_of
from explain.report.tables import tables_of
from glimpse_env.utils.atomic import write_json
from glimpse_env.utils.paths import read_path

REPORT, JSON = "report.html", "explanation.json"
TEMPLATES = Path(__file__).parent / "templates"
PIXELS_PER_INCH = 120
"""Scale of the figures on the page, in CSS pixels per inch of the figure."""
NUM_TARGETS = 3
"""How many kinds of reconstructions there are at most: originals, canvases, and seen pixels."""


def write_report(
    explanation: Explanation,
    folder: str | os.PathLike[str],
    title: str,
    about: Mapping[str, Mapping[str, Any]],
    *,
    links: Mapping[str, str] | None = None,
    progress: bool = False,
) -> Path:
    """Writes the figures (PNG, PDF, and one GIF), the numbers (JSON), and a page with all of them (HTML) into a folder.

    The page embeds its figures, needs no network, and has no scripts: a policy in its head forbids both.

    Args:
        explanation: The explanation.
        folder: The folder, which is created if it is missing. Files with the same names are replaced.
        title: Title of the page.
        about: Facts about the agent and the settings, as names and values in sections.
        links: Other pages, by what is said about them.
        progress: Show a progress bar.

    Returns:
        The file of the page.

    Raises:
        OSError: A file cannot be written.
        TypeError: Something in `about` cannot be written as JSON.
    """
    folder = read_path("folder", folder)
    folder.mkdir(parents=True, exist_ok=True)
    failures = [failure.to_json() for failure in failures_of(explanation)]
    numbers = without_nan({"about": about, **explanation.to_json(), "failures": failures})
    write_json(folder / JSON, numbers, allow_nan=False)
    drawn = draw_all_figures(explanation, folder, progress=progress)
    (folder / REPORT).write_text(make_page(explanation, title, about, drawn, links), encoding="utf-8")
    return folder / REPORT


def make_page(
    explanation: Explanation,
    title: str,
    about: Mapping[str, Mapping[str, Any]],
    drawn: Mapping[str, DrawnFigure],
    links: Mapping[str, str] | None = None,
) -> str:
    """Renders the page as HTML.

    Args:
        explanation: The explanation.
        title: Title of the page.
        about: Facts about the agent and the settings, as names and values in sections.
        drawn: Each figure by its name; see `explain.report.all_figures.draw_all_figures`.
        links: Other pages, by what is said about them.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    recording = explanation.recording
    style = environment.get_template("report.css.j2").render(num_choices=max(recording.beliefs.shape[1], NUM_TARGETS))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return environment.get_template("report.html.j2").render(
        title=title,
        about=about,
        links=links or {},
        recording=recording,
        num_classes=len(explanation.class_names),
        num_wrong=int((recording.beliefs[:, -1].argmax(1) != recording.labels).sum()),
        num_eig=len(explanation.eig_recording),
        headlines=headlines_of(explanation),
        checks=checks_of(explanation),
        captions=captions_of(explanation),
        first_is_fixed=len(recording) > 1 and bool((recording.locations[:, 0] == recording.locations[0, 0]).all()),
        stories=[tell_failure(failure) for failure in failures_of(explanation)],
        tables=tables_of(explanation, failures_of(explanation)),
        figures={name: embed(one) for name, one in drawn.items()},
        style=style,
        policy=f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    )


def failures_of(explanation: Explanation) -> list[Failure]:
    """Returns the most confident wrong answers, which the report shows."""
    images = most_confident_failures(explanation.recording, NUM_FAILURES)
    return describe_failures(explanation.recording, images, explanation.class_names)


def embed(figure: DrawnFigure) -> dict[str, Any]:
    """Encodes a figure for a page: a data URL for each of its frames, its size in CSS pixels, and its points there.

    Frames have a palette of 256 colours, which takes less than half the bytes.
    """
    with Image.open(figure.path) as image:
        size = image.size
        frames = [_encode(frame) for frame in ImageSequence.Iterator(image)]
    width, height = (round(side * PIXELS_PER_INCH / DOTS_PER_INCH) for side in size)
    points = [{"x": round(one.x * width, 1), "y": round(one.y * height, 1), "text": one.text} for one in figure.points]
    return {"frames": frames, "width": width, "height": height, "points": points}


def _encode(frame: Image.Image) -> str:
    file = io.BytesIO()
    frame.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def without_nan(numbers: Any) -> Any:
    """Replaces NaN, which JSON does not have, by None in nested lists and dicts.

    Example:
        >>> without_nan({"value": [0.5, float("nan")]})
        {'value': [0.5, None]}
    """
    if isinstance(numbers, Mapping):
        return {name: without_nan(value) for name, value in numbers.items()}
    if isinstance(numbers, list | tuple):
        return [without_nan(value) for value in numbers]
    return None if isinstance(numbers, float) and math.isnan(numbers) else numbers
