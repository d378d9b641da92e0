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

BATCHES = (128, 1024)
ITERATIONS = 15
"""In one call of a workload; on busy cores two threads take very long for them."""


def benchmark_processes(seconds: Seconds = 10.0) -> Benchmark:
    """One training in two processes with one thread each, against one process.

    Images per second of REINFORCE, on 28x28 with 6 glimpses of 8x8. The workloads take turns.

    Args:
        seconds: How long to measure each workload.
    """
    plain, _, notes = available_ids()
    rows = []
    for batch in BATCHES:
        workloads = {f"{threads} threads": train_here(plain, batch, threads) for threads in (1, 2)}
        with training_processes(plain, batch, 2) as together:
            speed = measure_rates(workloads | {"2 processes": together}, seconds)
        notes.append(
            f"Batch {batch}, images/s: 1 process with 1 thread {speed['1 threads']:,.0f}, with 2 threads "
            f"{speed['2 threads']:,.0f}; 2 processes with 1 thread each {speed['2 processes']:,.0f}."
        )
        rows += [
            Row(
                f"batch {batch}: images/s of 2 processes / 1 process with {threads}",
                speed["2 processes"] / speed[f"{threads[0]} threads"],
                1.6,
                "{:.2f}",
            )
            for threads in ("2 threads", "1 thread")
        ]
    return Benchmark("One training in two processes", rows, notes)


def train_here(env_id: str, batch: int, num_threads: int = 1) -> Workload:
    """Returns a workload that trains for some iterations, and counts images."""
    agent = REINFORCE(env_id, seed=0, device="cpu", num_envs=batch, num_threads=num_threads)

    def workload() -> int:
        agent.learn(ITERATIONS * batch * agent.num_glimpses)
        return ITERATIONS * batch

    return workload


@contextmanager
def training_processes(env_id: str, batch: int, count: int) -> Iterator[Workload]:
    """Starts processes that train one agent together; the workload lets them train, and counts images."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        meeting = Path(stack.enter_context(tempfile.TemporaryDirectory()), "store")
        connections: list[Connection] = []
        for number in range(count):
            ours, theirs = context.Pipe()
            connections.append(stack.enter_context(ours))
            arguments = (theirs, env_id, batch, meeting, number, count)
            process = context.Process(target=_serve, args=arguments, daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(ours.send, False)

        def workload() -> int:
            for connection in connections:
                connection.send(True)
            return max(connection.recv() for connection in connections)

        yield workload


def _serve(connection: Connection, env_id: str, batch: int, meeting: Path, number: int, count: int) -> None:
    """Trains for some iterations whenever it is told True, until it is told False."""
    dist.init_process_group("gloo", init_method=meeting.as_uri(), rank=number, world_size=count)
    workload = train_here(env_id, batch)
    while connection.recv():
        connection.send(workload())
    dist.destroy_process_group()
