"""Runs of an experiment as tasks of a Ray cluster. Only the driver, which starts them, writes the study's folder.

No file system is shared. A task works in a temporary folder of its machine, and sends what changes in it to the driver:
the log and the checkpoints of a training, and then the results. So the driver's folder holds all that a lost task needs
to go on elsewhere, and all that the driver needs to go on after it was killed.
"""

from __future__ import annotations

import socket
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
import torch
from ray.exceptions import RayError, RayTaskError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from glimpse_env.utils.atomic import open_atomic
from glimpse_env.utils.interruption import Interruption
from scripts.study.display import StudyDisplay
from scripts.study.experiments import Run
from scripts.study.machines import check_machine, describe_machine
from scripts.study.work import ERROR, POLL_SECONDS, in_one_line, unfinished, work

TRIES = 4
"""How often an agent is tried before it counts as failed, because each time its worker was lost."""
CONNECT_SECONDS = 10.0
SCRIPTS = Path(__file__).parents[1]

Files = dict[str, bytes]
"""The contents of files by their names, the oldest first."""


def carry_out_on_cluster(runs: Sequence[Run], folder: Path, address: str) -> dict[str, str]:
    """Trains and measures the agents of runs that have no metrics yet on a cluster, each on one core.

    Args:
        runs: The runs.
        folder: Holds the run folder of each agent. A training that was begun there goes on.
        address: Of the cluster, as for `ray.init`: `host:port`, or `"auto"` on a machine of the cluster.

    Returns:
        The error of each agent that failed, by the name of its run folder, which has the traceback in `error.txt`.

    Raises:
        ConnectionError: No cluster of the same versions of Python and Ray answers at the address.
        DatasetError: A machine lacks images.
        Interrupted: A signal came. The last checkpoints that came back are kept.
        ValueError: A machine has another version of something, or other images.
    """
    by_agent = unfinished(runs, folder)
    environments = list(runs[0].experiment.datasets.values())
    expected = describe_machine(environments)
    failures: dict[str, str] = {}
    progress: dict[str, tuple[float, str]] = {}
    num_lost: Counter[str] = Counter()
    with _connection(address), Interruption() as interruption, StudyDisplay(len(by_agent)) as display:
        _check_machines(expected, environments)
        # What tasks send must survive the loss of any other machine.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        queue: Any = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})

        task: Any = ray.remote(num_cpus=1, max_retries=0)(_work)

        def submit(name: str) -> Any:
            (folder / name / ERROR).unlink(missing_ok=True)
            files = changed_files(folder / name, {})
            return task.remote(name, by_agent[name], files, expected, queue)

        pending = {submit(name): name for name in by_agent}
        while pending and interruption.signal is None:
            done, _ = ray.wait(list(pending), timeout=POLL_SECONDS)
            for name, state, files in queue.get_nowait_batch(queue.qsize()):
                progress[name] = state
                write_files(folder / name, files)
            for finished in done:
                name = pending.pop(finished)
                progress.pop(name, None)
                try:
                    files, failure = ray.get(finished)
                except RayTaskError as error:
                    files, failure = {}, in_one_line(error.cause)
                except RayError as error:
                    num_lost[name] += 1
                    if num_lost[name] < TRIES:
                        pending[submit(name)] = name
                        continue
                    files, failure = {}, f"its worker was lost {TRIES} times, the last time by {in_one_line(error)}"
                write_files(folder / name, files)
                if failure is not None:
                    failures[name] = failure
                    display.print_failure(name, failure)
            display.show(len(by_agent) - len(pending), progress)
        interruption.check()
    return failures


@contextmanager
def _connection(address: str) -> Iterator[None]:
    """Connects this process to a cluster until the block ends, and then ends the tasks that it started."""
    try:
        host, _, port = address.rpartition(":")
        if host and "/" not in host:  # where nobody answers, Ray itself tries for two minutes and then ends the process
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        # The programs are not installed on the machines, the packages are.
        environment = {"py_modules": [str(SCRIPTS)]}
        ray.init(address, runtime_env=environment, logging_level="ERROR", log_to_driver=False)
    except (OSError, OverflowError, RuntimeError, ValueError) as error:
        raise ConnectionError(
            f"expected the address of a Ray cluster (host:port, or auto on one of its machines), got {address}: {error}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_machines(expected: Mapping[str, str], environments: Any) -> None:
    """Checks every machine that would get a task. One that joins later is checked by its tasks."""
    machines = [node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not machines:
        raise ValueError("expected a cluster with at least one core, got one that has none")
    task: Any = ray.remote(num_cpus=0)(check_machine)
    checks = [
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(machine, soft=False)).remote(
            expected, environments
        )
        for machine in machines
    ]
    for check in checks:
        try:
            ray.get(check)
        except RayTaskError as error:
            raise error.cause from None


def _work(
    name: str, runs: Sequence[Run], files: Files, expected: Mapping[str, str], queue: Any
) -> tuple[Files, str | None]:
    """Does the work on one agent; see `work`.

    Args:
        name: Name of its run folder.
        runs: The runs that share it.
        files: What the run folder holds already.
        expected: What the driver's machine has; see `check_machine`.
        queue: Where the name, the progress, and the files that have changed are put.

    Returns:
        The files that have changed since, and the error in one line, if there was one.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, name)
        write_files(folder, files)
        reports = _Reports(folder, queue)
        try:
            check_machine(expected, runs[0].experiment.datasets.values())
            work(runs, folder, reports)
        except Exception as error:
            return changed_files(folder, reports.sent), in_one_line(error)
        return changed_files(folder, reports.sent), None


class _Reports:
    """Takes the progress of an agent, as a dict does, and sends it to the driver with the files that have changed."""

    def __init__(self, folder: Path, queue: Any) -> None:
        self.folder = folder
        self.queue = queue
        self.sent: dict[str, int] = {}
        changed_files(folder, self.sent)  # the driver has these

    def __setitem__(self, name: str, state: tuple[float, str]) -> None:
        self.queue.put((name, state, changed_files(self.folder, self.sent)))


def changed_files(folder: Path, sent: dict[str, int]) -> Files:
    """Reads the files of a run folder that were written since the last call.

    Args:
        folder: The run folder. It need not exist.
        sent: When each file that was read was written, by its name, in nanoseconds; it is brought up to date.

    Returns:
        The files, the oldest first: a log comes before the agent that it belongs to, and metrics come last.
    """
    paths = [path for path in folder.glob("[!.]*") if path.is_file()]
    written = {path: path.stat().st_mtime_ns for path in paths}
    changed = sorted((path for path in paths if sent.get(path.name) != written[path]), key=written.__getitem__)
    sent |= {path.name: written[path] for path in changed}
    return {path.name: path.read_bytes() for path in changed}


def write_files(folder: Path, files: Files) -> None:
    """Writes files into a folder, in their order, each as a whole or not at all."""
    for name, content in files.items():
        with open_atomic(folder / name) as file:
            file.write(content)
