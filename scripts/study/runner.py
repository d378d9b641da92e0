"""Runs of an experiment in parallel processes, with progress bars."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import torch

from glimpse_env.utils.interruption import SIGNALS, Interrupted, Interruption
from scripts.study.display import StudyDisplay
from scripts.study.experiments import Run
from scripts.study.work import POLL_SECONDS, in_one_line, unfinished, work


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
    by_agent = unfinished(runs, folder)
    failures: dict[str, str] = {}
    context = multiprocessing.get_context("spawn")
    manager = SyncManager(ctx=context)
    resource_tracker.ensure_running()  # which would let signals through while it starts
    with _signals_wait():
        manager.start(_initialize)
    with Interruption() as interruption, manager, StudyDisplay(len(by_agent)) as display:
        progress: Any = manager.dict()
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
                            display.print_failure(name, failure)
                    display.show(len(by_agent) - len(pending), dict(progress))
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
        return in_one_line(error)
    return None
