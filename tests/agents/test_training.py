"""Training in a run folder: what it holds, resuming to the bit, interruptions, and errors that cost no checkpoint."""

from __future__ import annotations

import csv
import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

import agents
from agents import REINFORCE, RunFolder, Schedule, TrainingDiverged, TrainingInterrupted, train, training
from agents.algorithms.checkpoint import AGENTS

ROOT = Path(__file__).parents[2]
T, N, ITERATIONS = 6, 8, 240
# Trains in a process of its own, with checkpoints all the time.
CHILD = """
import sys
from tests.agents.test_training import RunFolder, Path, make_agent, training
training.CHECKPOINT_SECONDS = 0.05
training.train(make_agent(), RunFolder(Path(sys.argv[1])))
"""

only_on_the_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="only the CPU promises the same bits")


def make_agent() -> REINFORCE:
    agent = REINFORCE(
        "glimpse_env:GlimpseDigits-v0",
        policy_kwargs={"core": "rnn", "hidden_size": 16, "what_size": 8, "where_size": 8},
        num_envs=N,
        learning_rate=Schedule(1e-3, 0, "cosine"),
        location_std=Schedule(0.3, 0.1),
        seed=0,
    )
    agent.total_timesteps = ITERATIONS * N * T
    return agent


def files_of(run: RunFolder) -> set[str]:
    return {path.name for path in run.path.iterdir()}


def assert_same_agents(one: RunFolder, other: RunFolder) -> None:
    (described, tensors), (other_described, other_tensors) = (AGENTS.read(run.agent) for run in (one, other))
    assert described == other_described
    for name, weights in tensors["policy"].items():
        assert torch.equal(weights, other_tensors["policy"][name]), name
    for state, other_state in zip(
        tensors["optimizer"]["state"].values(), other_tensors["optimizer"]["state"].values(), strict=True
    ):
        assert all(torch.equal(state[name], other_state[name]) for name in state)
    assert torch.equal(tensors["generator"], other_tensors["generator"])


class At(BaseCallback):
    """Does something once, after a number of iterations."""

    def __init__(self, iteration: int, action: Any) -> None:
        super().__init__()
        self.iteration = iteration
        self.action = action

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        if self.model.num_rollouts == self.iteration:  # type: ignore[attr-defined]
            self.action()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A training that nothing interrupted."""
    run = RunFolder(tmp_path_factory.mktemp("finished"))
    train(make_agent(), run)
    return run


def test_a_run_folder_holds_the_agent_the_log_and_the_learning_curve(finished: RunFolder) -> None:
    assert files_of(finished) == {"agent.zip", "progress.csv", "learning_curve.png"}
    agent = finished.load_agent()
    assert agent.num_timesteps == agent.total_timesteps == ITERATIONS * N * T
    assert agent.accuracy == agents.evaluate(agent).accuracy[-1]
    steps = finished.read_log()["time/total_timesteps"]
    np.testing.assert_array_equal(steps, N * T * np.arange(1, ITERATIONS + 1))
    assert matplotlib.image.imread(finished.learning_curve).std() > 0


@only_on_the_cpu
def test_resumes_to_the_same_bits_after_kill_9_at_any_moment(finished: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "killed")
    run.path.mkdir()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CHILD, str(run.path)]
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    while child.poll() is None and not run.agent.exists():
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.5))
    child.kill()
    errors = child.communicate()[1].decode()
    assert run.agent.exists(), errors
    (run.path / ".agent.zip-unfinished").touch()
    train(run.load_agent(), run)
    assert_same_agents(run, finished)
    assert files_of(run) == files_of(finished)
    steps = run.read_log()["time/total_timesteps"]
    assert (np.diff(steps) > 0).all()
    assert steps[-1] == ITERATIONS * N * T


def test_training_what_is_finished_changes_nothing(finished: RunFolder) -> None:
    before, log = AGENTS.read(finished.agent)[0], finished.log.read_bytes()
    train(finished.load_agent(), finished)
    assert AGENTS.read(finished.agent)[0] == before
    assert finished.log.read_bytes() == log


@only_on_the_cpu
def test_ctrl_c_ends_after_the_iteration_and_costs_nothing(finished: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    handler = signal.getsignal(signal.SIGINT)
    press = At(5, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(TrainingInterrupted, match=str(tmp_path)):
        train(make_agent(), run, [press])
    assert signal.getsignal(signal.SIGINT) is handler
    agent = run.load_agent()
    assert agent.num_rollouts == 6
    assert agent.accuracy is None
    train(agent, run)
    assert_same_agents(run, finished)


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    def press_twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        train(make_agent(), RunFolder(tmp_path), [At(5, press_twice)])
    assert not isinstance(caught.value, TrainingInterrupted)
    assert signal.getsignal(signal.SIGINT) is handler
    assert RunFolder(tmp_path).load_agent().num_rollouts == 0, "the last checkpoint is that of the beginning"


def test_a_full_disk_is_an_error_and_costs_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def fill_up(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_up)
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(OSError, match="No space left on device"):
        train(make_agent(), RunFolder(tmp_path))
    assert RunFolder(tmp_path).load_agent().num_timesteps == 2 * N * T
    assert not list(tmp_path.glob(".agent.zip-*"))


def test_divergence_keeps_the_last_good_state(tmp_path: Path) -> None:
    def diverge() -> None:
        raise TrainingDiverged("the loss is nan")

    with pytest.raises(TrainingDiverged, match=f"the loss is nan; {tmp_path} holds the last good state"):
        train(make_agent(), RunFolder(tmp_path), [At(55, diverge)])
    assert RunFolder(tmp_path).load_agent().num_rollouts == 50


def append(path: Path, num_timesteps: int, **row: Any) -> None:
    """Opens a log for an agent of so many steps, and writes a line."""
    log = training.open_log(path, num_timesteps)
    if row:
        log.write(row, dict.fromkeys(row, ()))
    log.close()


HEADER = "time/total_timesteps,rollout/success_rate\n"


def row(steps: int, accuracy: float) -> dict[str, Any]:
    return {"time/total_timesteps": steps, "rollout/success_rate": accuracy}


def test_a_log_loses_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text(f"{HEADER}10,0.1\n20,0.2\n30,0.3\n", encoding="utf-8")
    append(path, 20, **row(25, 0.25))
    assert path.read_text(encoding="utf-8") == f"{HEADER}10,0.1\n20,0.2\n25,0.25\n"


@pytest.mark.parametrize("torn", ["30", "30,0.", "time/total"])
def test_a_log_loses_a_torn_line(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "progress.csv"
    whole = "" if torn.startswith("time") else f"{HEADER}10,0.1\n20,0.2\n"
    path.write_text(whole + torn, encoding="utf-8")
    append(path, 40)
    assert path.read_text(encoding="utf-8") == whole
    assert list(tmp_path.iterdir()) == [path]


def test_a_log_loses_a_line_with_too_few_fields(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text(f"{HEADER}10,0.1\n20\n30,0.3\n", encoding="utf-8")
    append(path, 40, **row(40, 0.4))
    assert path.read_text(encoding="utf-8") == f"{HEADER}10,0.1\n30,0.3\n40,0.4\n"


def test_a_log_of_later_lines_only_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "progress.csv"
    path.write_text(f"{HEADER}10,0.1\n", encoding="utf-8")
    append(path, 0, **row(5, 0.5))
    # Stable-Baselines3 orders the columns of a new log at random.
    with open(path, encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [{name: str(value) for name, value in row(5, 0.5).items()}]


def test_a_log_that_cannot_be_rewritten_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "progress.csv"
    path.write_text("time/total_timesteps\n10\n", encoding="utf-8")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        training.open_log(path, 5)
    assert path.read_text(encoding="utf-8") == "time/total_timesteps\n10\n"
