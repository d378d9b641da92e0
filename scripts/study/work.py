"""The work on one agent of a study: it is trained, and measured for each run that shares it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback

import agents
from agents import RunFolder
from glimpse_env.utils.interruption import Interruption
from scripts.study.experiments import Run
from scripts.study.metrics import measure_run, metrics_file

ERROR = "error.txt"
POLL_SECONDS = 1.0
TRAINING_FRACTION = 0.9
"""Fraction of the progress of an agent that is its training; the rest is explaining it."""


def unfinished(runs: Sequence[Run], folder: Path) -> dict[str, list[Run]]:
    """Finds the runs that have no metrics yet.

    Args:
        runs: The runs.
        folder: Holds the run folder of each agent.

    Returns:
        The runs by the name of their agent's run folder.
    """
    by_agent: dict[str, list[Run]] = {}
    for run in runs:
        if not (folder / run.agent_name / metrics_file(run)).exists():
            by_agent.setdefault(run.agent_name, []).append(run)
    return by_agent


def work(runs: Sequence[Run], folder: Path, progress: Any) -> None:
    """Trains the agent that some runs share, unless it is trained already, and measures it for each of them.

    Args:
        runs: The runs.
        folder: The run folder of the agent. After an error it has the traceback in `error.txt`.
        progress: Maps the name of the folder to the fraction that is done, in [0, 1], and a status.
    """
    run_folder = RunFolder(folder)
    try:
        with Interruption(at_once=True):
            _train_and_measure(runs, run_folder, progress)
    except Exception:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        raise


def in_one_line(error: BaseException) -> str:
    """What the list of failures says of an error."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _train_and_measure(runs: Sequence[Run], run_folder: RunFolder, progress: Any) -> None:
    name = run_folder.path.name
    # A training continues on the CPU, where it began.
    agent = run_folder.load_agent("cpu") if run_folder.agent.exists() else runs[0].make_agent()
    if agent.accuracy is None:
        agents.train(agent, run_folder, [ReportProgress(name, progress)])
    for run in runs:
        progress[name] = (TRAINING_FRACTION, "explaining")
        measure_run(run, run_folder.path)
    (run_folder.path / ERROR).unlink(missing_ok=True)


class ReportProgress(BaseCallback):
    """Writes the progress of a training into a dict, at most every `POLL_SECONDS`.

    Args:
        name: Key of the agent.
        progress: The dict; see `work`.
    """

    def __init__(self, name: str, progress: Any) -> None:
        super().__init__()
        self.name = name
        self.progress = progress
        self._reported = 0.0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        agent: Any = self.model
        now = time.monotonic()
        if now - self._reported >= POLL_SECONDS:
            self._reported = now
            fraction = TRAINING_FRACTION * agent.num_timesteps / agent.total_timesteps
            self.progress[self.name] = (fraction, f"training, accuracy {agent.recent_accuracy:.1%}")
