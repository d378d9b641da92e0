"""The evaluation script: a table, a JSON file and a picture; the same every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import matplotlib.image
import pytest

import agents
from agents import REINFORCE, Algorithm, evaluate, look_at_centre
from scripts.evaluate import draw_paths, main

ROOT = Path(__file__).parents[2]
T = 6
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}


def make(env_id: str = "GlimpseDigits-v0", **arguments: object) -> Algorithm:
    env = gym.make(env_id, **arguments)
    return REINFORCE(env, policy_kwargs=SIZES, num_envs=16, seed=0, device="cpu").learn(16 * T * 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make().save(tmp_path / "agent.zip")
    return tmp_path


def test_writes_and_prints_the_accuracy_after_each_glimpse(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder)])
    report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    agent = agents.load(folder / "agent.zip")
    expected = evaluate(agent)
    assert report["looks"] == {"its own": expected.to_json()}
    assert (report["algorithm"], report["split"], report["num_timesteps"]) == ("REINFORCE", "test", agent.num_timesteps)
    assert report["environment"]["id"] == "GlimpseDigits-v0"
    output = capsys.readouterr().out
    for share, low, high in zip(expected.accuracy, expected.low, expected.high, strict=True):
        assert f"{100 * share:.2f} [{100 * low:.2f}-{100 * high:.2f}]" in output


def test_is_deterministic_and_leaves_the_agent_alone(folder: Path) -> None:
    before = (folder / "agent.zip").read_bytes()
    main([str(folder)])
    first = (folder / "evaluation.json").read_bytes()
    main([str(folder)])
    assert (folder / "evaluation.json").read_bytes() == first
    assert (folder / "agent.zip").read_bytes() == before


def test_compares_other_looks_and_takes_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("scripts.evaluate.CONVNET_IMAGES", 128 * 20)
    main([str(folder / "agent.zip"), "--compare"])
    report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    looks = report["looks"]
    assert list(looks) == ["its own", "at random", "at the centre", "along a raster"]
    assert looks["at the centre"] == evaluate(look_at_centre(agents.load(folder / "agent.zip"))).to_json()
    output, progress = capsys.readouterr()
    for look in looks:
        assert f"looks: {look}" in output
    assert report["convnet"]["num_images"] == 128 * 20
    assert report["convnet"]["accuracy"] > max(looks["its own"]["accuracy"])
    assert f"{report['convnet']['accuracy']:.2%} right is the ceiling" in output
    assert "convolutional network" in progress


def test_draws_the_glimpse_paths(folder: Path) -> None:
    main([str(folder)])
    picture = matplotlib.image.imread(folder / "glimpse_paths.png")
    assert min(picture.shape[:2]) > 800
    assert picture.std() > 0.05


def test_draws_what_was_evaluated() -> None:
    agent = make("GlimpseClutteredDigits-v0", num_scales=2, num_glimpses=3)
    evaluation = evaluate(agent)
    figure = draw_paths(agent, evaluation)
    assert len(figure.axes) == 24
    for axes, predictions, label in zip(figure.axes, evaluation.predictions, evaluation.labels, strict=False):
        assert axes.get_title()[0] == ("✓" if predictions[-1] == label else "✗")
        written = [text.get_text() for text in axes.texts]
        assert written == ["1", "2", "3", *map(str, predictions)]


def test_a_missing_or_damaged_agent_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agent.zip").write_bytes(b"no zip")
    for path in (tmp_path / "nowhere.zip", tmp_path):
        with pytest.raises(SystemExit) as caught:
            main([str(path)])
        assert caught.value.code == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1


def test_it_runs_as_a_script() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "evaluate.py"), "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "160"})
    assert "--compare" in ran.stdout
    assert "run folder" in ran.stdout
