"""The benchmark of one training in several processes."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import torch.distributed as dist

from agents import REINFORCE
from scripts.benchmarks.env import available_ids
from scripts.benchmarks.tables import Benchmark, Row
from scripts.benchmarks.timing import Seconds, Workload, measure_rates
from scripts.benchmarks.train import train

BATCH = 128


def benchmark_processes(seconds: Seconds = 10.0) -> Benchmark:
    """One training in two processes with one thread each, against one process, in images per second.

    REINFORCE with a batch of 128 in all, on 28x28 with 6 glimpses of 8x8. The workloads take turns.

    Args:
        seconds: How long to measure each workload.
    """
    plain, _, notes = available_ids()
    workloads = {
        f"{threads} threads": train(REINFORCE(plain, seed=0, device="cpu", num_envs=BATCH, num_threads=threads))
        for threads in (1, 2)
    }
    with training_processes(plain, 2) as together:
        speed = measure_rates(workloads | {"2 processes": together}, seconds)
    notes.append(
        f"Images/s: 1 process with 1 thread {speed['1 threads']:,.0f}, with 2 threads {speed['2 threads']:,.0f}; "
        f"2 processes with 1 thread each {speed['2 processes']:,.0f}."
    )
    rows = [
        Row("2 processes / 1 process with 2 threads", speed["2 processes"] / speed["2 threads"], 1.6, "{:.2f}"),
        Row("2 processes / 1 process with 1 thread", speed["2 processes"] / speed["1 threads"], 1.6, "{:.2f}"),
    ]
    return Benchmark("One training in two processes, batch 128", rows, notes)


@contextmanager
def training_processes(env_id: str, count: int) -> Iterator[Workload]:
    """Starts processes that train one agent together; the workload lets them train, and counts images."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        meeting = Path(stack.enter_context(tempfile.TemporaryDirectory()), "store")
        connections: list[Connection] = []
        for number in range(count):
            ours, theirs = context.Pipe()
            connections.append(stack.enter_context(ours))
            process = context.Process(target=_serve, args=(theirs, env_id, meeting, number, count), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(ours.send, False)

        def workload() -> int:
            for connection in connections:
                connection.send(True)
            return max(connection.recv() for connection in connections)

        yield workload


def _serve(connection: Connection, env_id: str, meeting: Path, number: int, count: int) -> None:
    """Trains for some iterations whenever it is told True, until it is told False."""
    dist.init_process_group("gloo", init_method=meeting.as_uri(), rank=number, world_size=count)
    workload = train(REINFORCE(env_id, seed=0, device="cpu", num_envs=BATCH))
    while connection.recv():
        connection.send(workload())
    dist.destroy_process_group()
