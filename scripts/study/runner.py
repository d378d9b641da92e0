"""Runs of an experiment in parallel processes, with progress bars."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback

import agents
from agents import RunFolder
from glimpse_env.utils.interruption import SIGNALS, Interrupted, Interruption
from scripts.study.experiments import Run
from scripts.study.metrics import measure_run, metrics_file

ERROR = "error.txt"
POLL_SECONDS = 1.0
TRAINING_FRACTION = 0.9
"""Fraction of the progress of an agent that is its training; the rest is explaining it."""

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[status]}"),
    TimeElapsedColumn(),
    TimeRemainingColumn(elapsed_when_finished=True),
)


def carry_out(runs: Sequence[Run], folder: Path, num_processes: int) -> dict[str, str]:
    """Trains and measures the agents of runs that have no metrics yet. An interrupted training continues.

    Args:
        runs: The runs.
        folder: Holds the run folder of each agent.
        num_processes: Number of processes that work at the same time, each on one core.

    Returns:
        The error of each agent that failed, by the name of its run folder, which has the traceback in `error.txt`.

    Raises:
        Interrupted: A signal came. Trainings ended after their iteration, with a checkpoint.
    """
    by_agent: dict[str, list[Run]] = {}
    for run in runs:
        if not (folder / run.agent_name / metrics_file(run)).exists():
            by_agent.setdefault(run.agent_name, []).append(run)
    failures: dict[str, str] = {}
    context = multiprocessing.get_context("spawn")
    manager = SyncManager(ctx=context)
    resource_tracker.ensure_running()  # which would let signals through while it starts
    with _signals_wait():
        manager.start(_initialize)
    with Interruption() as interruption, manager, Progress(*COLUMNS) as display:
        progress: Any = manager.dict()
        total = display.add_task("all", total=len(by_agent), status="")
        bars: dict[str, Any] = {}
        with ProcessPoolExecutor(num_processes, context, initializer=_initialize) as pool:
            with _signals_wait():
                pending = {pool.submit(work, own, folder / name, progress): name for name, own in by_agent.items()}
            try:
                while pending and interruption.signal is None:
                    done, _ = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
                    for future in done:
                        failure = _failure(future)
                        name = pending.pop(future)
                        progress.pop(name, None)
                        if failure is not None:
                            failures[name] = failure
                            display.console.print(f"{name} failed: {failure}", markup=False)
                    _show(display, bars, dict(progress))
                    finished = len(by_agent) - len(pending)
                    display.update(total, completed=finished + sum(fraction for fraction, _ in dict(progress).values()))
            finally:
                if pending:
                    interruption.is_ending = True  # a second Ctrl-C would leave processes without what they report to
                # After a signal, or where nothing can be shown any more. A process may have taken its next run already.
                pool.shutdown(wait=False, cancel_futures=True)
                while running := [future for future in pending if not future.done()]:
                    for process in multiprocessing.active_children():
                        process.terminate()
                    wait(running, POLL_SECONDS)
        interruption.check()
    return failures


def work(runs: Sequence[Run], folder: Path, progress: Any) -> None:
    """Trains the agent that some runs share, unless it is trained already, and measures it for each of them.

    Args:
        runs: The runs.
        folder: The run folder of the agent.
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


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Lets signals wait until the block ends, and in processes that are started in it until `_initialize`."""
    if not hasattr(signal, "pthread_sigmask"):  # as on Windows
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _initialize() -> None:
    """Limits a process to one core, and lets it end with its parent, even if that is killed.

    Ctrl-C and a closed terminal reach all processes at once. The parent alone heeds them, and sends SIGTERM to the
    others, which does something only while they work.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)  # loses no more than any kill: the next run continues from the last checkpoint


def _failure(future: Future[None]) -> str | None:
    """Returns the error of a future in one line, if there is one."""
    try:
        future.result()
    except BrokenProcessPool:
        return "its process was killed; its last checkpoint is kept"
    except (Exception, Interrupted) as error:
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return None


def _show(display: Progress, bars: dict[str, Any], progress: Mapping[str, tuple[float, str]]) -> None:
    """Shows one bar for each agent that is in progress."""
    for name in [name for name in bars if name not in progress]:
        display.remove_task(bars.pop(name))
    for name, (fraction, status) in progress.items():
        if name not in bars:
            bars[name] = display.add_task(f"  {name}", total=1.0, status=status)
        display.update(bars[name], completed=fraction, status=status)
