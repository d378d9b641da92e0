"""Training by reward alone: every algorithm runs, what it leaves behind can be used, and errors are of one line."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

import agents
from agents import RunFolder
from agents.command_line.sb3_training import RECIPES, SB3Training
from scripts import train_sb3
from scripts.train_sb3 import main
from tests.command_lines import error_of

pytestmark = pytest.mark.usefixtures("handlers_are_given_back")

ROOT = Path(__file__).parents[2]
SHORT = ["--minutes", "0.005"]
RUNS = [*([name] for name in RECIPES), *([name, "--grid", "3"] for name in RECIPES if name != "SAC")]


@pytest.mark.parametrize("run", RUNS, ids=" ".join)
def test_trains_measures_and_keeps_the_model(
    run: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*run, "--run-folder", str(tmp_path / "run"), *SHORT])
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        ".lock",
        "arguments.json",
        "evaluation.json",
        "model.zip",
        "progress.csv",
    }
    model: Any = RECIPES[run[0]].algorithm.load(tmp_path / "run" / "model.zip", device="cpu")
    grid = 3 if "--grid" in run else None
    env = agents.make_sb3_env("GlimpseDigits-v0", 100, grid, split="test")
    expected = agents.evaluate(model, env.native)
    report = json.loads((tmp_path / "run" / "evaluation.json").read_text(encoding="utf-8"))
    assert report["location_policies"]["learned policy"]["num_images"] == 360
    assert report["location_policies"]["learned policy"]["accuracy"] == pytest.approx(expected.accuracy, abs=0.01)
    assert (report["algorithm"], report["split"]) == (run[0], "test")
    assert report["num_timesteps"] == model.num_timesteps > 0
    assert (model.train_freq.frequency if run[0] == "SAC" else model.n_steps) == 6, "it learns from whole episodes"
    output, progress = capsys.readouterr()
    assert output.count("\n") == 1
    assert f"{report['location_policies']['learned policy']['accuracy'][-1]:.2%} of 360 test images" in output
    assert "0/0 s" in progress


def test_takes_environment_reward_and_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["A2C", "glimpse_env:GlimpseClutteredDigits-v0", "--reward", "information", "--seed", "3"]
    main([*arguments, *SHORT])
    folder = tmp_path / "runs" / "glimpse_env-glimpsecluttereddigits-v0-a2c-information-seed3"
    report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    assert report["environment"] == {
        "id": "glimpse_env:GlimpseClutteredDigits-v0",
        "arguments": {"reward": "information"},
    }
    assert RECIPES["A2C"].algorithm.load(folder / "model.zip").seed == 3


def test_learns_until_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of which a step of the environment takes a second."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(train_sb3.time, "monotonic", lambda: float(next(ticks)))
    main(["A2C", "--run-folder", str(tmp_path), "--minutes", "0.2"])
    report = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert report["num_timesteps"] == 12 * RECIPES["A2C"].num_envs


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["SAC", "--grid", "3"], "SAC has no categorical policy for discrete actions: leave out --grid"),
        (["PPO", "--grid", "0"], "expected grid to be at least 1, got 0"),
        (["PPO", "--grid", "3", "--reward", "entropy"], "one-hot under discrete actions"),
        (["PPO", "--minutes", "0"], "expected --minutes to be above 0, got 0"),
        (["PPO", "GlimpseDigitz-v0"], "GlimpseDigitz"),
        (["PPO", "CartPole-v1"], "expected the id of a glimpse environment, got 'CartPole-v1'"),
        (["PPO", "--resume", "nowhere"], "expected no other arguments beside --resume"),
    ],
)
def test_what_cannot_be_trained_is_one_error(arguments: list[str], message: str, tmp_path: Path) -> None:
    assert message in error_of(main, [*arguments, "--run-folder", str(tmp_path)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("run", [["PPO", "--grid", "3"], ["SAC"]], ids=" ".join)
def test_a_signal_leaves_a_checkpoint_from_which_it_goes_on(
    run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a clock of which a step of the environment takes a second; the file's code is never loaded."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(train_sb3.time, "monotonic", lambda: float(next(ticks)))
    on_step = train_sb3.TimeLimit._on_step

    def step(limit: Any) -> bool:
        if limit.n_calls == 14:
            signal.raise_signal(signal.SIGTERM)
        return on_step(limit)

    monkeypatch.setattr(train_sb3.TimeLimit, "_on_step", step)
    with pytest.raises(SystemExit) as caught:
        main([*run, "--run-folder", str(tmp_path), "--minutes", "0.4"])
    assert caught.value.code == 128 + signal.SIGTERM
    assert f"continue with python scripts/train_sb3.py --resume {tmp_path}" in capsys.readouterr().err
    monkeypatch.setattr(train_sb3.TimeLimit, "_on_step", on_step)
    num_envs, algorithm = RECIPES[run[0]].num_envs, RECIPES[run[0]].algorithm
    saved = dict(algorithm.load(tmp_path / "model.zip", device="cpu").policy.state_dict())
    monkeypatch.setattr(train_sb3.TimeLimit, "_on_training_start", watch := Watch(train_sb3.TimeLimit))
    monkeypatch.setattr("stable_baselines3.common.save_util.json_to_data", refuse)
    main(["--resume", str(tmp_path)])
    assert all(torch.equal(weight, saved[name]) for name, weight in watch.weights.items())
    assert watch.num_timesteps == 14 * num_envs
    report = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert report["num_timesteps"] == 24 * num_envs
    with open(tmp_path / "progress.csv", newline="") as file:
        steps = [int(row["time/total_timesteps"]) for row in csv.DictReader(file)]
    assert steps == sorted(set(steps))
    assert steps[0] < 14 * num_envs < steps[-1] <= 24 * num_envs
    with pytest.raises(SystemExit, match="holds a model already"):
        main([*run, "--run-folder", str(tmp_path)])


def refuse(*_: Any, **__: Any) -> None:
    raise AssertionError("this would execute code from the file")


class Watch:
    """Notes the model with which a training begins."""

    def __init__(self, kind: Any) -> None:
        self.begin = kind._on_training_start

    def __get__(self, limit: Any, _: Any) -> Any:
        def start() -> None:
            self.weights = {name: weight.clone() for name, weight in limit.model.policy.state_dict().items()}
            self.num_timesteps = limit.model.num_timesteps
            self.begin(limit)

        return start


def test_a_folder_without_a_training_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^error: expected the run folder of a training by train_sb3.py, got"):
        main(["--resume", str(tmp_path)])


GOOD = {"algorithm": "PPO", "env": "GlimpseDigits-v0", "reward": "hard", "grid": None, "seed": 0, "minutes": 1.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *((text, "expected the arguments of a training as JSON") for text in ("", "{", "[]", "[" * 10**5, "\xff")),
        *(
            (json.dumps(GOOD | {name: value}), f"expected {name} in ")
            for name, value in [
                *(("algorithm", "DQN"), ("algorithm", ["PPO"]), ("algorithm", None), ("env", 7), ("reward", {})),
                *(("grid", 1.5), ("grid", True), ("seed", "0"), ("minutes", "1"), ("minutes", None)),
            ]
        ),
        (json.dumps(GOOD | {"minutes": -1.0}), "expected --minutes to be above 0, got -1.0"),
        (json.dumps(GOOD | {"minutes": float("nan")}), "expected --minutes to be above 0, got nan"),
        (json.dumps(GOOD | {"env": "CartPole-v1"}), "expected the id of a glimpse environment, got 'CartPole-v1'"),
        (json.dumps(GOOD | {"another": 1}), "expected a checkpoint of this PPO, got "),
    ],
)
def test_a_folder_with_broken_files_is_one_error(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"no zip")
    (tmp_path / "arguments.json").write_text(content, encoding="latin-1")
    with pytest.raises(SystemExit) as caught:
        main(["--resume", str(tmp_path)])
    error = str(caught.value.code)
    assert error.startswith(f"error: {message}")
    assert "\n" not in error


@pytest.mark.parametrize("change", ["pickle", "weights", "data"])
def test_a_checkpoint_that_was_altered_is_one_error(change: str, tmp_path: Path) -> None:
    path = tmp_path / "model.zip"
    (tmp_path / "arguments.json").write_text(json.dumps(GOOD), encoding="utf-8")
    path.touch()
    model: Any = SB3Training.read(RunFolder(tmp_path, "model.zip")).make_model()
    model.trained_seconds = 1.0
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    torch.save({"pickle": Path("x"), "weights": {"weight": torch.zeros(1)}, "data": 0}[change], buffer)
    members |= {"data": b"[]"} if change == "data" else {"policy.pth": buffer.getvalue()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(SystemExit) as caught:
        main(["--resume", str(tmp_path)])
    error = str(caught.value.code)
    assert error.startswith(f"error: expected a checkpoint of this PPO, got {path}, which raises ")
    assert "\n" not in error
    assert "weights_only" not in error


@pytest.mark.parametrize("option", ["--run-folder", "--resume"])
def test_an_empty_path_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([option, ""])
    assert "to be a path, got an empty text" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_it_runs_as_a_script() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "train_sb3.py"), "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "200"})
    for word in (*RECIPES, "--reward", "--grid", "--seed", "--minutes", "--run-folder"):
        assert word in ran.stdout
