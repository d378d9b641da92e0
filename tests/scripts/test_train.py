"""The training script: what a run folder holds, resuming after kill -9 to the bit, and errors of one line."""

from __future__ import annotations

import csv
import errno
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
import torch

import agents
from agents import PRESETS, Preset, Schedule, TrainingDiverged
from agents.environments import EnvironmentSpec
from scripts import train
from scripts.train import main

ROOT = Path(__file__).parents[2]
T, N, ROUNDS = 6, 8, 240
IMAGES = N * ROUNDS
TINY = Preset(
    EnvironmentSpec("GlimpseDigits-v0", {}),
    policy_kwargs={"core": "rnn", "hidden_size": 16, "what_size": 8, "where_size": 8},
    settings={"learning_rate": Schedule(1e-3, 0, "cosine"), "location_std": Schedule(0.3, 0.1), "num_envs": N},
    num_images=IMAGES,
)
# Training in a process of its own, with the preset above, and checkpoints all the time.
CHILD = """
import sys
from tests.scripts import test_train
from agents import PRESETS
PRESETS["tiny"] = test_train.TINY
test_train.train.CHECKPOINT_SECONDS = 0.05
test_train.main(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", TINY)


def arguments(folder: Path, *more: str) -> list[str]:
    return ["tiny", "--run-folder", str(folder), *more]


def read_log(folder: Path) -> list[dict[str, str]]:
    with open(folder / "progress.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_same_agents(one: Path, other: Path) -> None:
    (described, tensors), (other_described, other_tensors) = (
        agents.saving.AGENTS.read(folder / "agent.zip") for folder in (one, other)
    )
    assert described == other_described
    for name, weights in tensors["policy"].items():
        assert torch.equal(weights, other_tensors["policy"][name]), name
    for state, other_state in zip(
        tensors["optimizer"]["state"].values(), other_tensors["optimizer"]["state"].values(), strict=True
    ):
        assert all(torch.equal(state[name], other_state[name]) for name in state)
    assert torch.equal(tensors["generator"], other_tensors["generator"])


def fails(capsys: pytest.CaptureFixture[str], command: list[str]) -> str:
    """Runs it, checks that it ends with exit status 1 and one line of error, and returns the line."""
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert "Traceback" not in error
    lines = re.findall("error: [^\r\n]*", error)
    assert len(lines) == 1
    return lines[0]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", TINY)
        main(arguments(folder))
    return folder


def test_run_folder_holds_the_agent_its_arguments_the_log_and_the_learning_curve(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {
        "agent.zip",
        "arguments.json",
        "learning_curve.png",
        "progress.csv",
    }
    agent = agents.load(finished / "agent.zip")
    assert agent.num_timesteps == IMAGES * T
    assert agent.accuracy == agents.evaluate(agent).accuracy[-1]
    used = json.loads((finished / "arguments.json").read_text(encoding="utf-8"))
    expected = {"env": "tiny", "algorithm": "REINFORCE", "core": "rnn", "reward": "hard", "seed": 0, "images": IMAGES}
    assert used == expected
    log = read_log(finished)
    assert len(log) == ROUNDS
    assert int(log[-1]["time/total_timesteps"]) == IMAGES * T
    assert matplotlib.image.imread(finished / "learning_curve.png").std() > 0


def test_arguments_take_the_place_of_the_presets(tmp_path: Path) -> None:
    more = ["--algorithm", "PPO", "--core", "gru", "--reward", "entropy", "--seed", "3", "--images", "32"]
    main(arguments(tmp_path / "new" / "run", *more))
    agent = agents.load(tmp_path / "new" / "run" / "agent.zip")
    assert isinstance(agent, agents.PPO)
    assert agent.spec.policy_kwargs == TINY.policy_kwargs | {"core": "gru"}
    assert agent.spec.environment.arguments["reward"] == "entropy"
    assert (agent.spec.seed, agent.num_timesteps) == (3, 32 * T)


def test_names_the_run_folder_after_the_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main(["glimpse_env:GlimpseDigits-v0", "--images", "128", "--algorithm", "A2C", "--seed", "2"])
    assert (tmp_path / "runs" / "glimpse_env-glimpsedigits-v0-a2c-rnn-hard-seed2" / "agent.zip").is_file()


@pytest.mark.skipif(torch.cuda.is_available(), reason="only the CPU promises the same bits")
def test_resumes_to_the_same_bits_after_kill_9_at_any_moment(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", CHILD, *arguments(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    while child.poll() is None and not (folder / "agent.zip").exists():
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.5))
    child.kill()
    errors = child.communicate()[1].decode()
    assert (folder / "agent.zip").exists(), errors
    agents.load(folder / "agent.zip")
    (folder / ".agent.zip-unfinished").touch()
    main(["--resume", str(folder)])
    assert_same_agents(folder, finished)
    assert {path.name for path in folder.iterdir()} == {path.name for path in finished.iterdir()}
    steps = [int(row["time/total_timesteps"]) for row in read_log(folder)]
    assert steps == sorted(set(steps))
    assert steps[-1] == IMAGES * T


def test_resuming_what_is_finished_changes_nothing(finished: Path) -> None:
    before = agents.saving.AGENTS.read(finished / "agent.zip")[0]
    log = read_log(finished)
    main(["--resume", str(finished)])
    assert agents.saving.AGENTS.read(finished / "agent.zip")[0] == before
    assert read_log(finished) == log


def test_log_drops_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text("time/total_timesteps,rollout/success_rate\n10,0.1\n20,0.2\n30,0.3\n", encoding="utf-8")
    log = train.log_from(path, num_timesteps=20)
    row: dict[str, Any] = {"time/total_timesteps": 25, "rollout/success_rate": 0.25}
    log.write(row, dict.fromkeys(row, ()))
    log.close()
    expected = "time/total_timesteps,rollout/success_rate\n10,0.1\n20,0.2\n25,0.25\n"
    assert path.read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("torn", ["30", "30,0.", "time/total"])
def test_log_drops_a_torn_line(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "progress.csv"
    whole = "" if torn.startswith("time") else "time/total_timesteps,rollout/success_rate\n10,0.1\n20,0.2\n"
    path.write_text(whole + torn, encoding="utf-8")
    train.log_from(path, num_timesteps=40).close()
    assert path.read_text(encoding="utf-8") == whole
    assert list(tmp_path.iterdir()) == [path]


def test_log_drops_a_line_with_too_few_fields_and_takes_further_ones(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text("time/total_timesteps,rollout/success_rate\n10,0.1\n20\n30,0.3\n", encoding="utf-8")
    log = train.log_from(path, num_timesteps=40)
    row: dict[str, Any] = {"time/total_timesteps": 40, "rollout/success_rate": 0.4}
    log.write(row, dict.fromkeys(row, ()))
    log.close()
    expected = "time/total_timesteps,rollout/success_rate\n10,0.1\n30,0.3\n40,0.4\n"
    assert path.read_text(encoding="utf-8") == expected


def test_a_log_that_cannot_be_rewritten_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "progress.csv"
    path.write_text("time/total_timesteps\n10\n", encoding="utf-8")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        train.log_from(path, num_timesteps=5)
    assert path.read_text(encoding="utf-8") == "time/total_timesteps\n10\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="only the CPU promises the same bits")
def test_ctrl_c_saves_and_says_how_to_go_on(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    update = agents.REINFORCE.update

    def interrupt(agent: agents.REINFORCE) -> None:
        if agent.num_rollouts == 5:
            signal.raise_signal(signal.SIGINT)
        update(agent)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        patched.setattr(agents.REINFORCE, "update", interrupt)
        with pytest.raises(SystemExit) as caught:
            main(arguments(tmp_path))
    assert caught.value.code == 130
    assert f"--resume {tmp_path}" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is handler
    assert agents.load(tmp_path / "agent.zip").num_rollouts == 6
    main(["--resume", str(tmp_path)])
    assert_same_agents(tmp_path, finished)


@pytest.mark.parametrize("images", ["0", "-5"])
def test_no_images_are_refused(images: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = fails(capsys, arguments(tmp_path / "run", "--images", images))
    assert f"expected --images to be at least 1, got {images}" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("more", [["--seed", "3"], ["tiny"], ["--images", "100"]])
def test_resuming_takes_no_other_arguments(finished: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished / "agent.zip").read_bytes()
    assert "leave out all others" in fails(capsys, ["--resume", str(finished), *more])
    assert (finished / "agent.zip").read_bytes() == before


def test_takes_no_folder_that_holds_an_agent(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished / "agent.zip").read_bytes()
    assert f"--resume {finished}" in fails(capsys, arguments(finished))
    assert (finished / "agent.zip").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in fails(capsys, arguments(tmp_path / "file" / "run"))


def test_a_full_disk_is_one_error_and_costs_no_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def fill_up(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_up)
    monkeypatch.setattr(train, "CHECKPOINT_SECONDS", 0.0)
    assert "No space left on device" in fails(capsys, arguments(tmp_path))
    assert agents.load(tmp_path / "agent.zip").num_timesteps == 2 * N * T
    assert not list(tmp_path.glob(".agent.zip-*"))


def test_divergence_is_one_error_and_keeps_the_last_good_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    update = agents.REINFORCE.update

    def diverge(agent: agents.REINFORCE) -> None:
        if agent.num_rollouts == 55:
            raise TrainingDiverged("the loss is nan")
        update(agent)

    monkeypatch.setattr(agents.REINFORCE, "update", diverge)
    error = fails(capsys, arguments(tmp_path))
    assert "the loss is nan" in error
    assert str(tmp_path) in error
    assert agents.load(tmp_path / "agent.zip").num_rollouts == 50


@pytest.mark.parametrize("command", [["nothing"], ["--resume", "nowhere"]])
def test_what_is_not_there_is_one_error(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command[-1] in fails(capsys, command)


def test_help_names_every_argument() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "train.py"), "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "200"})
    for word in ("--algorithm", "--core", "--reward", "--seed", "--images", "--run-folder", "--resume", *PRESETS):
        assert word == "tiny" or word in ran.stdout
