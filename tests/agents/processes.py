"""Running a function in several processes that are connected by torch.distributed, as those of torchrun are."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def run_in_processes(function: Callable[[Path], Any], count: int, folder: Path, seconds: float = 60) -> list[Any]:
    """Calls a function of a module in so many processes, with a folder; returns the results by their numbers.

    A program imports everything once, and forks the processes.

    Args:
        function: What they call.
        count: How many there are.
        folder: What they call it with, and where results are passed.
        seconds: How long they wait for each other.
    """
    command = [sys.executable, "-m", "tests.agents.processes", function.__module__, function.__name__]
    arguments = [str(count), str(folder), str(seconds)]
    ran = subprocess.run([*command, *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return [torch.load(folder / f"result-{number}", weights_only=False) for number in range(count)]


def fork(function: Callable[[], Any], count: int, store: Path, seconds: float = 60) -> list[int]:
    """Calls a function in so many processes; returns their ids. They meet in the file `store`: no port is needed."""
    processes = []
    for number in range(count):
        process = os.fork()
        if process == 0:
            try:
                meeting = dist.FileStore(str(store), count)
                timeout = timedelta(seconds=seconds)
                dist.init_process_group("gloo", store=meeting, rank=number, world_size=count, timeout=timeout)
                function()
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        processes.append(process)
    return processes


def wait_for(processes: list[int]) -> None:
    """Waits for processes, and ends this one if one of them failed."""
    statuses = [os.waitpid(process, 0)[1] for process in processes]
    if any(statuses):
        sys.exit(1)


def main(module: str, name: str, count: str, folder: str, seconds: str) -> None:
    function = getattr(import_module(module), name)

    def work() -> None:
        torch.save(function(Path(folder)), Path(folder, f"result-{dist.get_rank()}"))

    wait_for(fork(work, int(count), Path(folder, "store"), float(seconds)))


if __name__ == "__main__":
    main(*sys.argv[1:])
