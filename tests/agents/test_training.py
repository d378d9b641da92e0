"""Training in a run folder: what it holds, resuming to the bit, signals, the lock, and errors that cost no agent."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback

import agents
from agents import REINFORCE, RunFolder, Schedule, TrainingDiverged, TrainingInterrupted, train, training
from glimpse_env.utils.folder_lock import FolderInUseError, FolderLock
from tests.archives import unpack

ROOT = Path(__file__).parents[2]
T, N, ITERATIONS, LOG_LINES = 6, 8, 60, 20
# Trains in processes with checkpoints all the time, and kills one after the other some time after a checkpoint.
KILLER = """
import os, random, signal, sys, time
from tests.agents.test_training import LOG_LINES, Path, RunFolder, make_agent, torch, training
torch.set_num_threads(1)  # a process with threads should not fork
training.CHECKPOINT_SECONDS, training.LOG_LINES = 0.02, LOG_LINES
run, new = RunFolder(Path(sys.argv[1])), make_agent()

def saved():
    return run.agent.stat().st_mtime_ns if run.agent.exists() else 0

for _ in range(4):
    before = saved()
    process = os.fork()
    if process == 0:
        training.train(run.load_agent() if run.agent.exists() else new, run)
        os._exit(0)
    while saved() == before:
        time.sleep(0.001)
    time.sleep(random.uniform(0, 0.3))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
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
    (described, tensors), (other_described, other_tensors) = (unpack(run.agent) for run in (one, other))
    assert described == other_described
    for name, weights in tensors["policy"].items():
        assert torch.equal(weights, other_tensors["policy"][name]), name
    for state, other_state in zip(
        tensors["optimizer"]["state"].values(), other_tensors["optimizer"]["state"].values(), strict=True
    ):
        assert all(torch.equal(state[name], other_state[name]) for name in state)
    assert torch.equal(tensors["generator"], other_tensors["generator"])


def assert_same_logs(one: RunFolder, other: RunFolder) -> None:
    log, other_log = one.read_log(), other.read_log()
    assert list(log) == list(other_log)
    for name in log.keys() - {"time/fps"}:
        np.testing.assert_array_equal(log[name], other_log[name], err_msg=name)


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


class Other:
    """Another program, here a thread, that takes the lock of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken, self._leaving = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        with FolderLock(self.folder):
            self._taken.set()
            self._leaving.wait()

    def take(self) -> None:
        self._thread.start()
        self._taken.wait()

    def leave(self) -> None:
        self._leaving.set()
        self._thread.join()


@pytest.fixture(autouse=True, scope="module")
def short_log() -> Iterator[None]:
    """Several iterations to a line of the log, as in a long training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LOG_LINES", LOG_LINES)
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A training that nothing interrupted."""
    run = RunFolder(tmp_path_factory.mktemp("finished"))
    train(make_agent(), run)
    return run


def test_a_run_folder_holds_the_agent_the_log_and_the_learning_curve(finished: RunFolder) -> None:
    assert files_of(finished) == {".lock", "agent.zip", "progress.csv", "learning_curve.png"}
    agent = finished.load_agent()
    assert agent.num_timesteps == agent.total_timesteps == ITERATIONS * N * T
    assert agent.accuracy == agents.evaluate(agent).accuracy[-1]
    steps = finished.read_log()["time/total_timesteps"]
    log_interval = ITERATIONS // LOG_LINES
    np.testing.assert_array_equal(steps, log_interval * N * T * np.arange(1, LOG_LINES + 1))
    assert matplotlib.image.imread(finished.learning_curve).std() > 0


@only_on_the_cpu
def test_ends_with_the_same_agent_and_log_after_kill_9_at_any_moment(finished: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "killed")
    command = [sys.executable, "-c", KILLER, str(run.path)]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    train(run.load_agent(), run)
    assert_same_agents(run, finished)
    assert_same_logs(run, finished)
    assert files_of(run) == files_of(finished)


def test_training_what_is_finished_changes_nothing(finished: RunFolder) -> None:
    before, log = unpack(finished.agent)[0], finished.log.read_bytes()
    train(finished.load_agent(), finished)
    assert unpack(finished.agent)[0] == before
    assert finished.log.read_bytes() == log


@only_on_the_cpu
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_after_the_iteration_and_costs_nothing(
    number: signal.Signals, finished: RunFolder, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path)
    handler = signal.getsignal(number)
    with pytest.raises(TrainingInterrupted, match=f"{number.name}; {tmp_path} holds the agent after {6 * N * T} steps"):
        train(make_agent(), run, [At(5, lambda: signal.raise_signal(number))])
    assert signal.getsignal(number) is handler
    agent = run.load_agent()
    assert agent.num_rollouts == 6
    assert agent.accuracy is None
    train(agent, run)
    assert_same_agents(run, finished)
    assert_same_logs(run, finished)


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    def press_twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingInterrupted, match="after 0 steps"):
        train(make_agent(), RunFolder(tmp_path), [At(5, press_twice)])
    assert signal.getsignal(signal.SIGINT) is handler
    assert RunFolder(tmp_path).load_agent().num_rollouts == 0, "the last checkpoint is that of the beginning"


@only_on_the_cpu
@pytest.mark.parametrize("module", ["evaluate", "draw_learning_curve"])
def test_a_signal_while_the_agent_is_measured_costs_no_training(
    module: str, finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(training, module, lambda _: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(TrainingInterrupted, match=f"after {ITERATIONS * N * T} steps"):
            train(make_agent(), run)
    train(run.load_agent(), run)
    assert_same_agents(run, finished)
    assert_same_logs(run, finished)
    assert files_of(run) == files_of(finished)


def test_trains_in_another_thread_which_can_receive_no_signals(finished: RunFolder, tmp_path: Path) -> None:
    thread = threading.Thread(target=train, args=(make_agent(), RunFolder(tmp_path)))
    thread.start()
    thread.join()
    assert files_of(RunFolder(tmp_path)) == files_of(finished)


def test_a_second_training_in_the_folder_is_refused_and_disturbs_nothing(finished: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    errors: list[BaseException] = []

    def train_in_thread() -> None:
        try:
            train(make_agent(), RunFolder(tmp_path))
        except OSError as error:
            errors.append(error)

    def train_as_well() -> None:
        thread = threading.Thread(target=train_in_thread)
        thread.start()
        thread.join()

    train(make_agent(), run, [At(5, train_as_well)])
    (error,) = errors
    assert isinstance(error, FolderInUseError)
    assert str(tmp_path) in str(error)
    assert_same_agents(run, finished)
    assert_same_logs(run, finished)


@pytest.mark.parametrize("moment", [5, ITERATIONS])
def test_a_folder_that_is_deleted_is_made_again(
    moment: int, finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder(tmp_path / "parent" / "run")
    run.path.mkdir(parents=True)
    run.arguments.write_text("{}", encoding="utf-8")
    train(make_agent(), run, [At(moment, lambda: shutil.rmtree(run.path.parent))])
    assert files_of(run) == files_of(finished) | {"arguments.json"}
    assert_same_logs(run, finished)
    assert run.read_arguments() == {}


def test_a_folder_that_another_program_took_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.arguments.write_text("{}", encoding="utf-8")
    other = Other(run.path)

    def take() -> None:
        shutil.rmtree(run.path)
        other.take()

    with pytest.raises(OSError, match=f"no other program is using, got {run.path}.* was saved in") as caught:
        train(make_agent(), run, [At(ITERATIONS, take)])
    other.leave()
    assert not run.agent.exists()
    assert_rescued(caught.value)


def test_a_folder_in_whose_place_there_is_a_file_costs_no_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.arguments.write_text("{}", encoding="utf-8")

    def replace() -> None:
        shutil.rmtree(run.path)
        run.path.touch()

    with pytest.raises(OSError, match=rf"run.*the agent after {ITERATIONS * N * T} steps was saved in") as caught:
        train(make_agent(), run, [At(5, replace)])
    assert_rescued(caught.value)


def assert_rescued(error: OSError) -> None:
    """Checks that an error names a folder with everything that it takes to go on."""
    rescued = RunFolder(Path(str(error).rpartition(" was saved in ")[2].removesuffix(" instead")))
    assert rescued.load_agent().num_rollouts == ITERATIONS
    assert len(rescued.read_log()["time/total_timesteps"]) == LOG_LINES
    assert rescued.read_arguments() == {}


def test_a_full_disk_is_an_error_and_costs_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def fill_up(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fill_up)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    run = RunFolder(tmp_path / "run")
    with pytest.raises(OSError, match="No space left on device"):
        train(make_agent(), run)
    assert run.load_agent().num_timesteps == 2 * N * T
    assert files_of(run) == {".lock", "agent.zip", "progress.csv"}
    assert list(tmp_path.iterdir()) == [run.path], "nor can the agent be saved elsewhere"


def test_divergence_keeps_the_last_good_state(tmp_path: Path) -> None:
    def diverge() -> None:
        raise TrainingDiverged("the loss is nan")

    with pytest.raises(TrainingDiverged, match=f"the loss is nan; {tmp_path} holds the last good state"):
        train(make_agent(), RunFolder(tmp_path), [At(55, diverge)])
    assert RunFolder(tmp_path).load_agent().num_rollouts == 50
