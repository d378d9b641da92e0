"""The demo: trains, measures and explains with one call."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agents
from agents import RunFolder
from explain.report import all_figures as pictures
from scripts import demo

ROOT = Path(__file__).parents[2]
FEW = [
    *("--num-train=60", "--num-test=24", "--num-epochs=1", "--num-eig=2", "--grid=2", "--num-samples=1"),
    *("--policy-images=4", "--policy-grid=2", "--policy-samples=1"),
]


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the demo so small that it takes seconds, and runs it in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(
        agents.PRESETS, "digits-explain", replace(agents.find_preset("digits-explain"), num_images=1280)
    )
    monkeypatch.setattr(demo, "EXPLANATION", FEW)
    monkeypatch.setattr(demo, "PAGE", ["--num-train=40", "--num-test=30", "--num-epochs=1", "--layer-size=8"])
    for name in ("NUM_RECONSTRUCTIONS", "NUM_BELIEFS", "NUM_MAPS", "NUM_FAILURES"):
        monkeypatch.setattr(pictures, name, 1)


def test_trains_measures_and_explains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo.main([])
    run = RunFolder(tmp_path / "demo")
    agent = run.load_agent()
    assert agent.num_timesteps == 1280 * agent.num_glimpses
    assert agent.accuracy is not None
    explained = [run.path / "explanation.json", run.path / "animation.gif"]
    for path in (run.learning_curve, run.evaluation, run.glimpse_paths, *explained):
        assert path.stat().st_size > 0
    report, page = (run.path / name for name in ("report.html", "page.html"))
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert 'href="page.html"' in report.read_text(encoding="utf-8")
    assert 'href="report.html"' in page.read_text(encoding="utf-8")
    assert str(report) in capsys.readouterr().out


def test_trains_anew_when_it_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explain.command_line.main", lambda arguments: None)
    monkeypatch.setattr("scripts.page.main", lambda arguments: None)
    run = RunFolder(tmp_path / "demo")
    demo.main([])
    first = run.load_agent()
    train = agents.REINFORCE.train
    updates = []

    def count(agent: agents.REINFORCE, rollout: Any) -> None:
        updates.append(agent.num_rollouts)
        train(agent, rollout)

    monkeypatch.setattr(agents.REINFORCE, "train", count)
    demo.main([])
    assert updates == list(range(1, first.num_rollouts + 1))
    assert run.load_agent().accuracy == first.accuracy


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "demo").touch()
    with pytest.raises(SystemExit, match=r"^error: .*Not a directory"):
        demo.main([])


def test_it_finds_what_it_imports_when_run_as_a_file() -> None:
    code = f"import runpy; runpy.run_path({str(ROOT / 'scripts' / 'demo.py')!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "scripts", check=True, capture_output=True)
