"""One training in several processes: as in one process, killed and resumed, and errors that end all of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents import A2C, PPO, REINFORCE, Branching, LossWeights, ProcessLostError, RunFolder, distributed, training
from agents.environments import EnvironmentSpec
from glimpse_env import register_dataset
from tests.agents.making import ID, N, T, assert_same_weights, make_agent, training_state, weights
from tests.agents.processes import ENVIRONMENT, ROOT, run_in_processes

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="processes of these tests train on the CPU"),
]

UPDATES, TOLERANCE = 200, 1e-5
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "REINFORCE": (REINFORCE, {}),
    "A2C": (A2C, {"loss_weights": LossWeights(every_glimpse=True)}),
    "PPO": (PPO, {"batch_size": 2, "n_epochs": 2}),  # a minibatch may be of one process alone
    "Branching": (Branching, {"num_branches": 3}),
    # With the hard reward, episodes of one image often earn the same. Their advantages are then 0 but for rounding,
    # which Adam makes as large as any other gradient.
    "groups": (REINFORCE, {"episodes_per_image": 2, "exploration_fraction": 0.75, "reward": "information"}),
}


def train_each(folder: Path) -> dict[str, Any]:
    """Trains an agent of each case; returns weights and what is logged of rollouts and losses."""
    trained = {}
    for name, (algorithm, case) in CASES.items():
        settings = dict(case)
        env = EnvironmentSpec(ID, {"reward": settings.pop("reward", "hard")}).make()
        iterations = UPDATES // 4 if algorithm is PPO else UPDATES
        agent = make_agent(algorithm, env, **settings).learn(iterations * N * T)
        tensors = agent.metrics.tensors()
        trained[name] = weights(agent), {"rollouts": tensors["rollouts"].float(), **tensors["losses"]}
        assert agent.num_timesteps == iterations * N * T
    return trained


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    """Up to the order of float additions: after 200 updates, weights were seen to differ by up to 4e-7."""
    first, second = run_in_processes(train_each, 2, tmp_path)
    expected = train_each(tmp_path)
    for name in CASES:
        assert_same_weights(first[name][0], second[name][0])
        for got, wanted in zip(first[name], expected[name], strict=True):
            assert got.keys() == wanted.keys()
            for key, value in got.items():
                difference = (value - wanted[key]).abs().max().item()
                assert difference < TOLERANCE, (name, key, difference)


def fail(folder: Path) -> dict[str, str]:
    """The errors that a process gets, by their causes."""
    number, done = distributed.rank(), folder / "done"

    def load(split: str, data_dir: Path) -> Any:
        images = np.zeros((8, 28, 28), dtype=np.uint8)
        images[number] = 1
        return images, np.arange(8) % 2, ["even", "odd"]

    register_dataset("differs", load)
    differs = EnvironmentSpec("Glimpse-v0", {"dataset": "differs"}).make()
    causes: dict[str, Callable[[], Any]] = {
        "parts": lambda: make_agent(num_envs=3),
        "groups": lambda: make_agent(num_envs=4, episodes_per_image=4),
        "seeds": lambda: make_agent(seed=number).learn(1),
        "data": lambda: make_agent(env=differs).learn(1),
    }
    errors = {}
    for name, cause in causes.items():
        with pytest.raises(ValueError, match="expected") as caught:
            cause()
        errors[name] = str(caught.value)

    # From here on the second process is silent.
    if number == 1:
        while not done.exists():
            time.sleep(0.1)
        return errors
    with pytest.raises(ProcessLostError) as lost:
        make_agent().learn(1)
    done.touch()
    return errors | {"silence": str(lost.value)}


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """The errors that the first and the second process get."""
    return run_in_processes(fail, 2, tmp_path_factory.mktemp("errors"), seconds=10)


def test_what_cannot_be_shared_out_is_an_error(errors: list[dict[str, str]]) -> None:
    for error in errors:
        assert "divides num_envs into equal parts, got 2 processes for 3 sub-environments" in error["parts"]
        assert "got 2 processes for 1 groups of 4 sub-environments each" in error["groups"]


def test_what_differs_between_processes_is_an_error_in_each(errors: list[dict[str, str]]) -> None:
    for error in errors:
        agents = r'expected the agent to be the same .*"seed": 0}? in process 0 and .*"seed": 1}? in process 1'
        assert re.search(agents, error["seeds"])
        assert error["data"].startswith(
            "expected the checksum of the data set 'differs' to be the same in every process"
        )


def test_a_process_that_does_not_answer_counts_as_lost(errors: list[dict[str, str]]) -> None:
    assert errors[0]["silence"].startswith("another process of this training ended, or did not answer")


# Trains in two processes with checkpoints all the time, kills both some time after a checkpoint, and again.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
from tests.agents.processes import fork, wait_for
from tests.agents.test_distributed import go_on, RunFolder
run = RunFolder(Path(sys.argv[1]))

def saved():
    return run.agent.stat().st_mtime_ns if run.agent.exists() else 0

for attempt in range(2):
    before = saved()
    processes = fork(lambda: go_on(run), 2, Path(sys.argv[2], f"store-{attempt}"))
    while saved() == before:
        time.sleep(0.001)
    time.sleep(random.uniform(0, 0.3))
    for process in processes:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
for run in (run, RunFolder(Path(sys.argv[3]))):
    wait_for(fork(lambda: go_on(run), 2, Path(sys.argv[2], "store-" + run.path.name)))
"""


def go_on(run: RunFolder) -> None:
    """Trains the agent of a run folder further, or a new one."""
    training.CHECKPOINT_SECONDS = 0.1
    if run.agent.exists():
        agent = run.load_agent()
    else:
        agent = make_agent()
        agent.total_timesteps = 30 * T * N
    training.train(agent, run)


def test_both_processes_are_killed_and_resume_to_the_same_weights(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-c", KILLER, str(killed), str(tmp_path), str(whole)]
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True)
    one, other = (RunFolder(folder).load_agent() for folder in (killed, whole))
    assert_same_weights(training_state(one), training_state(other))
    assert one.accuracy == other.accuracy
    assert one.num_timesteps == 30 * T * N
    assert RunFolder(killed).read_log().keys() == RunFolder(whole).read_log().keys()
    with pytest.warns(UserWarning, match=r"'num_processes': 2.*goes on with"):
        one.learn(T * N, reset_num_timesteps=False)


def start_torchrun(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*command, "scripts/train.py", *arguments], cwd=ROOT, env=ENVIRONMENT, text=True, **pipes)


def errors_in(output: str) -> list[str]:
    return [line for line in output.replace("\r", "\n").splitlines() if line.startswith("error: ")]


def test_torchrun_trains_in_one_run_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    training = start_torchrun(ID, "--images", "64", "--settings.num-envs", "16", "--run-folder", str(folder))
    output, errors = training.communicate()
    assert training.returncode == 0, errors
    assert output.count(f"Everything is in {folder}.") == 1
    run = RunFolder(folder)
    assert run.load_agent().num_timesteps == 64 * T
    assert {path.name for path in folder.iterdir()} >= {"agent.zip", "arguments.json", "progress.csv"}
    again = start_torchrun(ID, "--run-folder", str(folder))
    _, errors = again.communicate()
    assert again.returncode != 0
    (error,) = errors_in(errors)
    assert "holds an agent already" in error


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes in /proc")
def test_a_process_that_is_killed_ends_the_others_with_one_error(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    training = start_torchrun(ID, "--images", str(10**8), "--settings.num-envs", "16", "--run-folder", str(run.path))
    while not run.agent.exists():
        assert training.poll() is None
        time.sleep(0.05)
    children = Path(f"/proc/{training.pid}/task/{training.pid}/children").read_text().split()
    (second,) = [one for one in map(int, children) if b"\0RANK=1\0" in Path(f"/proc/{one}/environ").read_bytes()]
    time.sleep(0.5)
    os.kill(second, signal.SIGKILL)
    killed = time.monotonic()
    _, errors = training.communicate(timeout=120)
    assert time.monotonic() - killed < 60
    assert training.returncode != 0
    (error,) = errors_in(errors)
    assert error.startswith("error: another process of this training ended")
    assert error.endswith(f"continue with torchrun --standalone --nproc-per-node 2 -m agents train --resume {run.path}")
    assert run.load_agent().settings.num_envs == 16
