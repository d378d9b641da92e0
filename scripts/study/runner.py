"""Many runs of an experiment at once, in processes of their own, with a view of what is going on."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback

from scripts.study.experiments import Run
from scripts.study.metrics import measure_run, metrics_file
from scripts.train import AGENT, go_on, train

ERROR = "error.txt"
POLL_SECONDS = 1.0


def carry_out(runs: Sequence[Run], folder: Path, jobs: int) -> dict[str, str]:
    """Trains and measures what is missing. What is there already, in whole or in part, is not done again.

    Args:
        runs: What there is to do.
        folder: Each agent has its run folder in it.
        jobs: How many processes work at once, each on one core.

    Returns:
        What failed: the error of each agent, by the name of its folder. The whole traceback is in `error.txt` there.
    """
    by_agent: dict[str, list[Run]] = {}
    for run in runs:
        if not (folder / run.agent_name / metrics_file(run)).exists():
            by_agent.setdefault(run.agent_name, []).append(run)
    failures: dict[str, str] = {}
    context = multiprocessing.get_context("spawn")
    manager = SyncManager(ctx=context)
    manager.start(_begin)
    with manager, Progress(*COLUMNS) as progress:
        shares: Any = manager.dict()
        total = progress.add_task("all", total=len(by_agent), status="")
        bars: dict[str, Any] = {}
        with ProcessPoolExecutor(jobs, context, initializer=_begin) as pool:
            pending = {pool.submit(work, own, folder / name, shares): name for name, own in by_agent.items()}
            while pending:
                done, _ = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
                for future in done:
                    failure = _failure(future)
                    name = pending.pop(future)
                    shares.pop(name, None)
                    if failure is not None:
                        failures[name] = failure
                        progress.console.print(f"{name} failed: {failure}")
                _show(progress, bars, dict(shares))
                finished = len(by_agent) - len(pending)
                progress.update(total, completed=finished + sum(share for share, _ in dict(shares).values()))
    return failures


def _begin() -> None:
    """Readies a process for work: it takes one core, and ends with the one that began it, even where that is killed."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # what it did is as safe as after any kill: the next run goes on from its last checkpoint


COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[status]}"),
    TimeElapsedColumn(),
    TimeRemainingColumn(elapsed_when_finished=True),
)


TRAINING = 0.9
"""Share of the time that goes into training; the rest is for explaining."""


class Share(BaseCallback):
    """Tells how far a training is.

    Args:
        name: Of the agent.
        shares: Where to tell it: name to a share in [0, 1] and a word about what is going on.
    """

    def __init__(self, name: str, shares: Any) -> None:
        super().__init__()
        self.name = name
        self.shares = shares
        self.told = 0.0

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        agent: Any = self.model
        now = time.monotonic()
        if now - self.told >= POLL_SECONDS:
            self.told = now
            share = TRAINING * agent.num_timesteps / agent.total_timesteps
            self.shares[self.name] = (share, f"training, {agent.recent_accuracy:.1%} right")


def work(runs: Sequence[Run], folder: Path, shares: Any) -> None:
    """Trains the agent that runs have in common where it is not trained yet, and measures each of them."""
    try:
        share = Share(folder.name, shares)
        if (folder / AGENT).exists():
            folder, agent = go_on(folder, "cpu")  # where it was begun
        else:
            folder.mkdir(parents=True, exist_ok=True)
            agent = runs[0].make_agent()
        if agent.accuracy is None:
            train(agent, folder, [share])
        for run in runs:
            shares[folder.name] = (TRAINING, "explaining")
            measure_run(run, folder)
        (folder / ERROR).unlink(missing_ok=True)
    except Exception:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
        raise


def _failure(future: Future[None]) -> str | None:
    """What went wrong, in one line."""
    try:
        future.result()
    except BrokenProcessPool:
        return "its process was killed; what it had done is kept"
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None


def _show(progress: Progress, bars: dict[str, Any], shares: Mapping[str, tuple[float, str]]) -> None:
    """Has one bar for each agent that is worked on."""
    for name in [name for name in bars if name not in shares]:
        progress.remove_task(bars.pop(name))
    for name, (share, status) in shares.items():
        if name not in bars:
            bars[name] = progress.add_task(f"  {name}", total=1.0, status=status)
        progress.update(bars[name], completed=share, status=status)
