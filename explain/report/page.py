"""An explanation as a page that a person can read without this project at hand."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from explain.explanation import Explanation
from explain.report.all_figures import NUM_FAILURES, draw_all_figures
from explain.report.failures import Failure, describe_failures, most_confident_failures
from explain.report.figures.style import DOTS_PER_INCH
from explain.report.summary import checks_of, headlines_of
from explain.report.tables import tables_of

REPORT, NUMBERS = "report.html", "explanation.json"
TEMPLATES = Path(__file__).parent / "templates"
PIXELS_PER_INCH = 100
"""How large a figure stands on the page, if there is room."""


def write_report(
    explanation: Explanation,
    folder: Path,
    title: str,
    about: Mapping[str, Mapping[str, Any]],
    *,
    progress: bool = False,
) -> Path:
    """Writes every figure (PNG, PDF, and one GIF), every number (JSON), and all of it on one page (HTML) into a folder.

    The page holds its pictures, needs no network, and executes nothing.

    Args:
        explanation: What the report is about.
        folder: Where; it is made if it is missing, and files of the same names are replaced.
        title: What the page is called.
        about: Who was explained and how, as names and values, section by section.
        progress: Show a progress bar.

    Returns:
        The page.

    Raises:
        OSError: A file cannot be written.
        TypeError: Something in `about` cannot be written as JSON.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failures = [failure.to_json() for failure in failures_of(explanation)]
    numbers = without_nan({"about": about, **explanation.to_json(), "failures": failures})
    (folder / NUMBERS).write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    pictures = draw_all_figures(explanation, folder, progress=progress)
    (folder / REPORT).write_text(make_page(explanation, title, about, pictures), encoding="utf-8")
    return folder / REPORT


def make_page(
    explanation: Explanation, title: str, about: Mapping[str, Mapping[str, Any]], pictures: Mapping[str, Path]
) -> str:
    """The page as HTML.

    Args:
        explanation: What the page is about.
        title: What the page is called.
        about: Who was explained and how, as names and values, section by section.
        pictures: Files of the pictures, by name; see `explain.report.all_figures.draw_all_figures`.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    recording = explanation.recording
    return environment.get_template("report.html.j2").render(
        title=title,
        about=about,
        recording=recording,
        num_classes=len(explanation.class_names),
        num_wrong=int((recording.beliefs[:, -1].argmax(1) != recording.labels).sum()),
        num_mapped=len(explanation.eig_recording),
        findings=headlines_of(explanation),
        checks=checks_of(explanation),
        tables=tables_of(explanation, failures_of(explanation)),
        pictures={name: embed(path) for name, path in pictures.items()},
    )


def failures_of(explanation: Explanation) -> list[Failure]:
    """The most confident wrong answers, as many as are shown."""
    images = most_confident_failures(explanation.recording, NUM_FAILURES)
    return describe_failures(explanation.recording, images, explanation.class_names)


def embed(path: Path) -> dict[str, Any]:
    """A picture as part of a page: its address, which holds all of it, and how large it is in CSS pixels."""
    with Image.open(path) as image:
        kind, size = Image.MIME[image.format or ""], image.size
    width, height = (round(side * PIXELS_PER_INCH / DOTS_PER_INCH) for side in size)
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return {"address": f"data:{kind};base64,{data}", "width": width, "height": height}


def without_nan(numbers: Any) -> Any:
    """Numbers, in lists and dicts of any depth, with None for those that are not defined: JSON has no NaN.

    Example:
        >>> without_nan({"value": [0.5, float("nan")]})
        {'value': [0.5, None]}
    """
    if isinstance(numbers, Mapping):
        return {name: without_nan(value) for name, value in numbers.items()}
    if isinstance(numbers, list | tuple):
        return [without_nan(value) for value in numbers]
    return None if isinstance(numbers, float) and math.isnan(numbers) else numbers
