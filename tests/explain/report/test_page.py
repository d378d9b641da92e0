"""The report: one page that embeds all figures, needs nothing from outside, and has every number."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from explain.explanation import LEARNED_POLICY, Explanation
from explain.report.all_figures import NUM_FAILURES, DrawnFigure, figures_of
from explain.report.figures.curve_points import CurvePoint
from explain.report.page import embed, make_page, without_nan
from explain.report.tables import tables_of

VOID = {"meta", "img", "br", "hr", "input"}
ABOUT = {"agent": {"core": "rnn"}}


class Page(HTMLParser):
    """Every element of a page with its attributes, and all its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, Any]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def says(self, words: str) -> bool:
        return " ".join(words.split()) in " ".join(self.text.split())


def pixels_of(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), dtype=float)


@pytest.fixture(scope="module")
def html(tiny_report: Path) -> str:
    return (tiny_report / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def dots(tiny_explanation: Explanation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, DrawnFigure]:
    """A dot in place of each picture."""
    path = tmp_path_factory.mktemp("dots") / "dot.png"
    Image.new("L", (2, 2)).save(path)
    return dict.fromkeys([*figures_of(tiny_explanation), "animation"], DrawnFigure(path))


def test_embeds_every_figure_of_the_folder(page: Page, tiny_report: Path) -> None:
    files = sorted(tiny_report.glob("*.png"))
    with Image.open(tiny_report / "animation.gif") as animation:
        frames = [pixels_of(frame) for frame in ImageSequence.Iterator(animation)]
    urls = [image["src"] for image in page.all("img")]
    assert all(url.startswith("data:image/png;base64,") for url in urls)
    shown = [pixels_of(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2], validate=True)))) for url in urls]
    assert len(files) > 10
    assert len(shown) == len(files) + len(frames)
    # A palette changes colours a little; no two figures are so alike.
    for pixels in (*frames, *(pixels_of(Image.open(path)) for path in files)):
        near = [one for one in shown if one.shape == pixels.shape and np.abs(one - pixels).mean() < 3]
        assert near


def test_a_button_for_each_glimpse_shows_the_episode(page: Page, tiny_explanation: Explanation) -> None:
    buttons = [one for one in page.all("input") if one["name"] == "episode"]
    assert len(buttons) == tiny_explanation.recording.beliefs.shape[1]
    assert [("checked" in one) for one in buttons] == [False] * (len(buttons) - 1) + [True]
    assert {one["id"] for one in page.all("input")} == {one["for"] for one in page.all("label")}


def test_the_style_is_the_one_that_the_policy_allows(html: str) -> None:
    policy, style = (re.search(pattern, html, re.S) for pattern in (r'Policy" content="(.*?)"', "<style>(.*?)</style>"))
    assert policy
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"sha256-{digest}" in policy[1].replace("&#39;", "'").replace("&#43;", "+")
    assert not re.search(r"<[^>]* style=", html)


def test_the_points_of_curves_say_their_numbers(page: Page, tiny_explanation: Explanation) -> None:
    accuracy = tiny_explanation.curves.accuracy.value
    for glimpse, value in enumerate(accuracy.tolist(), start=1):
        assert page.says(f"accuracy, glimpse {glimpse}: {value:.4g}") or page.says(f"glimpse {glimpse}: {value:.4g}")


def test_needs_nothing_from_outside_and_has_no_scripts(page: Page, html: str) -> None:
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "embed", "base"}
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "srcset", "action", "data", "poster"):
                assert value.startswith(("data:image/", "#")), (tag, name, value[:50])
    assert not re.search(r"url\(|@import|https?:", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html))


def test_links_lead_to_parts_of_the_page(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [link["href"].removeprefix("#") for link in page.all("a")]
    assert len(links) > 10
    assert set(links) <= set(ids)


def test_every_element_is_closed(page: Page) -> None:
    assert page.open == []


def test_is_accessible(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    named = {one["name"]: one["content"] for one in page.all("meta") if "name" in one}
    assert named["viewport"] == "width=device-width, initial-scale=1"
    assert all(len(image["alt"]) > 20 for image in page.all("img"))
    assert len(page.all("figcaption")) == len(page.all("figure"))
    assert all(header["scope"] in ("row", "col") for header in page.all("th"))
    assert len(page.all("h1")) == 1


def test_has_every_number_of_every_table(page: Page, tiny_explanation: Explanation) -> None:
    for table in tables_of(tiny_explanation, []).values():
        assert page.says(table.caption)
        for row in table.rows:
            for cell in row:
                assert page.says(str(cell))


def test_names_are_escaped(page: Page, html: str) -> None:
    assert page.says("All that <it> knew")
    assert page.says("rnn & more")
    assert "<it>" not in html


def test_hostile_names_of_everything_stay_text(tiny_explanation: Explanation, dots: dict[str, DrawnFigure]) -> None:
    bad = """</title></style></td>"'><script>alert("x")</script><img src=x onerror="alert(1)">{{ 7 * 7 }}&lt;"""
    policies = tiny_explanation.location_policies
    explanation = replace(
        tiny_explanation,
        class_names=tuple(f"{bad}{name}" for name in tiny_explanation.class_names),
        location_policies={**policies, bad: policies[LEARNED_POLICY]},
    )
    html = make_page(explanation, bad, {bad: {bad: bad}}, dots, {bad: f"page.html?{bad}"})
    page = Page(html)
    assert page.open == []
    assert not page.all("script")
    assert len(page.all("img")) == len(dots)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.text.count(bad) > 5
    assert html.count("<script") == html.count("<title></title>") == 0


def test_writes_every_number_as_json(tiny_explanation: Explanation, tiny_report: Path) -> None:
    written = json.loads((tiny_report / "explanation.json").read_text(encoding="utf-8"))
    assert written.pop("about") == {"agent": {"core": "rnn & more"}}
    failures = written.pop("failures")
    assert len(failures) == NUM_FAILURES
    assert all(one["predictions"][-1] != one["label"] for one in failures)
    assert written == without_nan(tiny_explanation.to_json())


def test_nan_becomes_null() -> None:
    undefined = float("nan")
    numbers = {"one": [undefined, 1.0, (undefined,)], "other": {"inner": undefined, "name": "nan", "count": 3}}
    expected = {"one": [None, 1.0, [None]], "other": {"inner": None, "name": "nan", "count": 3}}
    assert without_nan(numbers) == expected


def test_an_agent_without_failures(tiny_explanation: Explanation, dots: dict[str, DrawnFigure]) -> None:
    recording = tiny_explanation.recording
    right = replace(recording, labels=recording.beliefs[:, -1].argmax(1))
    files = {name: path for name, path in dots.items() if not name.startswith("failure_")}
    page = Page(make_page(replace(tiny_explanation, recording=right), "Title", ABOUT, files))
    assert page.says("The agent classified all of these images correctly.")
    assert len(page.all("img")) == len(files)


def test_without_clutter_originals_are_reconstructed(
    tiny_explanation: Explanation, dots: dict[str, DrawnFigure]
) -> None:
    files = {name: path for name, path in dots.items() if name != "canvas_reconstructions"}
    same = replace(tiny_explanation, canvas_vae=tiny_explanation.reconstruction.vae)
    page = Page(make_page(same, "Title", ABOUT, files))
    assert page.says("the other pixels are blue")
    assert len(page.all("img")) == len(files)


def test_failed_checks_are_counted_at_the_top(tiny_explanation: Explanation, dots: dict[str, DrawnFigure]) -> None:
    reconstruction = tiny_explanation.reconstruction
    nothing = replace(reconstruction, error=reconstruction.shuffled)
    page = Page(make_page(replace(tiny_explanation, reconstruction=nothing), "Title", ABOUT, dots))
    assert re.search(r"[1-8] of 8 checks of the explanation failed", page.text)


def test_a_figure_is_embedded_with_its_size_on_the_page(tmp_path: Path) -> None:
    path = tmp_path / "picture.gif"
    Image.new("L", (400, 200)).save(path)
    embedded = embed(DrawnFigure(path, (CurvePoint(0.5, 0.25, "accuracy"),)))
    assert (embedded["width"], embedded["height"]) == (240, 120)
    assert embedded["points"] == [{"x": 120, "y": 30, "text": "accuracy"}]
    (url,) = embedded["frames"]
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as shown:
        assert shown.size == (400, 200)
        assert not pixels_of(shown).any()


def test_undefined_correlations_are_marked(tiny_explanation: Explanation, dots: dict[str, DrawnFigure]) -> None:
    validation = tiny_explanation.eig_validation
    nan = torch.full_like(validation.rank_correlation.value, float("nan"))
    correlation = replace(validation.rank_correlation, value=nan, low=nan, high=nan)
    explanation = replace(tiny_explanation, eig_validation=replace(validation, rank_correlation=correlation))
    assert Page(make_page(explanation, "Title", ABOUT, dots)).says("undefined")
