"""The demo: trains, measures and explains with one call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import agents
from explain.explanation import ExplanationSettings
from explain.report import all_figures as pictures
from scripts import demo

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the demo so small that it takes seconds, and gives its folder."""
    settings = ExplanationSettings(
        num_train=60,
        num_test=24,
        num_epochs=1,
        num_eig=2,
        grid=2,
        num_samples=1,
        policy_images=4,
        policy_grid=2,
        policy_samples=1,
    )
    monkeypatch.setattr(demo, "FOLDER", tmp_path / "demo")
    monkeypatch.setattr(demo, "NUM_IMAGES", 1280)
    monkeypatch.setattr(demo, "SETTINGS", settings)
    for name in ("NUM_STRIPS", "NUM_COURSES", "NUM_MAPS", "NUM_FAILURES"):
        monkeypatch.setattr(pictures, name, 1)
    return tmp_path / "demo"


def test_trains_measures_and_explains(tiny: Path) -> None:
    demo.main()
    agent = agents.load(tiny / "agent.zip")
    assert agent.num_timesteps == 1280 * agent.num_glimpses
    assert agent.accuracy is not None
    for name in ("learning_curve.png", "evaluation.json", "glimpse_paths.png", "explanation.json", "animation.gif"):
        assert (tiny / name).stat().st_size > 0
    assert (tiny / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_says_where_the_report_is_and_can_be_run_again(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "explain", lambda path, folder, settings: folder / "report.html")
    demo.main()
    first = agents.load(tiny / "agent.zip")
    demo.main()
    assert str(tiny / "report.html") in capsys.readouterr().out
    assert agents.load(tiny / "agent.zip").accuracy == first.accuracy


def test_a_folder_that_cannot_be_made_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(demo, "FOLDER", tmp_path / "file" / "demo")
    with pytest.raises(SystemExit) as caught:
        demo.main()
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert error.count("error: ") == 1
    assert "Traceback" not in error


def test_it_finds_what_it_imports_when_run_as_a_file() -> None:
    code = f"import runpy; runpy.run_path({str(ROOT / 'scripts' / 'demo.py')!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts", check=True, capture_output=True)
