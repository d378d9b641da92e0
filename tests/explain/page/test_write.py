"""Writing the page: what is in the file, and one clear error with nothing written where there can be no page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from explain import HiddenStateVAE, VAESettings, write_page
from explain.page import write
from explain.page.weights import store_agent

Make = Callable[..., Any]


def test_the_file_loads_nothing_and_says_so(digits_page: dict[str, Any]) -> None:
    html = digits_page["path"].read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert policy.startswith("default-src &#39;none&#39;; script-src &#39;sha256-")
    assert "unsafe" not in policy
    without_data = re.sub(r'"[A-Za-z0-9+/=]{1000,}"', '""', html)
    addresses = set(re.findall(r"https?://[\w./]+", without_data))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of a format
    assert not re.search(r"<link|<img|<iframe|@import|url\(", without_data)
    assert not re.search(r'\s(on\w+|style|src)="', without_data)


def test_names_from_a_file_are_never_markup(make_agent: Make, make_vae: Make, record_few: Make, tmp_path: Path) -> None:
    agent = make_agent()
    recording = record_few(agent)
    bad = '</title></script><script>alert("x")</script>'
    path = write_page(
        agent,
        make_vae(recording),
        recording,
        tmp_path / "new" / "page.html",
        class_names=[bad] * 10,
        title=bad,
        about={bad: bad},
        links={bad: "report.html"},
    )
    html = path.read_text(encoding="utf-8")
    assert '<script>alert("x")' not in html
    assert html.count("<script") == html.count("</script>") == 3
    assert html.count("</title>") == 1
    assert 'href="report.html"' in html


@pytest.fixture
def parts(make_agent: Make, make_vae: Make, record_few: Make) -> dict[str, Any]:
    agent = make_agent()
    recording = record_few(agent)
    return {"agent": agent, "vae": make_vae(recording), "examples": recording}


def test_what_only_training_needs_is_not_in_the_page(make_agent: Make) -> None:
    names = store_agent(make_agent(canvas_head=7, baseline_size=4))["tensors"].keys()
    assert not [name for name in names if name.startswith(("canvas_head", "baseline", "location_std"))]
    assert names == store_agent(make_agent())["tensors"].keys()


class OtherPolicy(nn.Module):
    """The policy of another library."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Linear(2, 2)


def with_unknown_part(make_agent: Make) -> Any:
    agent = make_agent()
    agent.policy.transformer = nn.Linear(2, 2)
    return agent


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda make: {"agent": SimpleNamespace(policy=OtherPolicy())}, "SimpleNamespace with a OtherPolicy"),
        (lambda make: {"agent": object()}, "expected an agent with a RAMPolicy, which the page can run, got object"),
        (lambda make: {"agent": with_unknown_part(make)}, "got one with 'transformer'"),
        (lambda make: {"vae": None}, "expected a HiddenStateVAE of the agent's hidden states, got None"),
        (
            lambda make: {"vae": HiddenStateVAE(24, (1, 20, 20), VAESettings(layer_size=4))},
            r"images of shape \(1, 28, 28\), got one from 24 units to \(1, 20, 20\)",
        ),
        (lambda make: {"shuffled_vae": HiddenStateVAE(9, (1, 28, 28), VAESettings())}, "got one from 9 units"),
        (lambda make: {"class_names": ["a"]}, "expected 10 class names, got 1"),
    ],
)
def test_what_cannot_be_a_page_is_one_error_and_nothing_is_written(
    change: Make, message: str, parts: dict[str, Any], make_agent: Make, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    with pytest.raises(ValueError, match=message):
        write_page(**parts | change(make_agent), path=path)
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_would_be_too_large_is_an_error(
    parts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("older")
    monkeypatch.setattr(write, "MAX_BYTES", 100_000)
    with pytest.raises(ValueError, match=r"at most 0 MB, got 0\.\d MB for canvases of 28x28 pixels: fit VAEs with"):
        write_page(**parts, path=path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_an_error(parts: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        write_page(**parts, path=tmp_path / "file" / "page.html")


def test_infinite_weights_are_an_error(parts: dict[str, Any], tmp_path: Path) -> None:
    parts["agent"].policy.classifier.weight.data.fill_(1e30)
    with pytest.raises(ValueError, match=r"finite in float16, got others in 'classifier\.weight'"):
        write_page(**parts, path=tmp_path / "page.html")
