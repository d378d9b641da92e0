"""One training in several processes: what each of them plays, and sums over all of them.

torch.distributed connects the processes. Each has the whole agent, and an equal part of the sub-environments, in a row.
It draws random numbers for all sub-environments and keeps those of its own, so that each sub-environment sees what it
would have seen in one process. Where torch.distributed was not started, this process has all of them.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from glimpse_env.utils.interruption import Interrupted

TIMEOUT_SECONDS = 45.0
"""After so long without an answer of another process, it counts as lost."""
SPEAKING_SECONDS = 10.0
"""So long a process waits for the first one to say what is wrong, if something is wrong in several."""
_SPEAKERS = "glimpse_env/speakers"


class ProcessLostError(ConnectionError):
    """Another process of the training ended, or does not answer."""


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """The number of this process among those that train together, from 0."""
    return dist.get_rank() if world_size() > 1 else 0


def is_first() -> bool:
    """Whether this is the process that writes files, of those that train together."""
    return rank() == 0


def own_num_envs(num_envs: int, episodes_per_image: int) -> int:
    """How many of the sub-environments this process plays; those of one image stay together.

    Raises:
        ValueError: The processes cannot have equal parts.
    """
    if (num_envs // episodes_per_image) % world_size() != 0:
        several = f" of {episodes_per_image} sub-environments each" if episodes_per_image > 1 else ""
        raise ValueError(
            f"expected a number of processes that divides num_envs into equal parts, got {world_size()} processes for "
            f"{num_envs // episodes_per_image} {'groups' if several else 'sub-environments'}{several}"
        )
    return num_envs // world_size()


def own_rows(whole: Tensor, count: int) -> Tensor:
    """The rows of the sub-environments that this process plays.

    Args:
        whole: Something for each sub-environment of all processes, `(N, ...)`, or for the first of them only.
        count: How many sub-environments this process plays.
    """
    return whole[rank() * count : (rank() + 1) * count]


def own_numbers(whole: Tensor, count: int) -> Tensor:
    """The numbers of those sub-environments that this process plays, counted from 0 in this process.

    Args:
        whole: Numbers of sub-environments of all processes, `(n,)` int64.
        count: How many sub-environments this process plays.
    """
    if world_size() == 1:
        return whole
    numbers = whole - rank() * count
    return numbers[(numbers >= 0) & (numbers < count)]


def sum_over_processes(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Adds up tensors over all processes, all in one message.

    Args:
        tensors: Tensors of one type and device, with the same shapes in every process.

    Raises:
        ProcessLostError: A process ended, or does not answer.
    """
    if world_size() == 1:
        return list(tensors)
    flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    with _lost_processes():
        dist.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def largest_over_processes(number: int) -> int:
    """The largest of the numbers that the processes have.

    Raises:
        ProcessLostError: A process ended, or does not answer.
    """
    if world_size() == 1:
        return number
    largest = torch.tensor(number, dtype=torch.int64, device="cpu")
    with _lost_processes():
        dist.all_reduce(largest, dist.ReduceOp.MAX)
    return int(largest)


def from_first(value: Any) -> Any:
    """What the first process has, whatever the others have.

    Raises:
        ProcessLostError: A process ended, or does not answer.
    """
    values = [value]
    if world_size() > 1:
        with _lost_processes():
            dist.broadcast_object_list(values)
    return values[0]


def check_same(described: Mapping[str, str]) -> None:
    """Checks that all processes have the same.

    Args:
        described: Checksums or the like, by what they are of.

    Raises:
        ProcessLostError: A process ended, or does not answer.
        ValueError: Something differs.
    """
    (first, _), *others = _gather((dict(described), platform.node()))
    for number, (other, machine) in enumerate(others, 1):
        for what, value in first.items():
            if other.get(what) != value:
                raise ValueError(
                    f"expected {what} to be the same in every process, got {value} in process 0 and {other.get(what)} "
                    f"in process {number} on {machine}"
                )


@contextmanager
def process_group() -> Iterator[None]:
    """Connects the processes that torchrun started until the block ends; changes nothing without torchrun.

    Gradients go through gloo on CPUs, and through NCCL on GPUs, where each process takes the GPU of its number.

    Where something is wrong in several processes, one of them raises its error, the first if it can. The others end
    with exit status 1. After a signal the first process alone raises `Interrupted`.

    Raises:
        ProcessLostError: Another process ended, or does not answer.
        SystemExit: Another process says what is wrong.
        ValueError: A machine has fewer GPUs than processes.
    """
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield
        return
    from torch.distributed.rendezvous import rendezvous  # some builds of torch lack it

    timeout = timedelta(seconds=TIMEOUT_SECONDS)
    with _lost_processes():
        store, number, count = next(rendezvous("env://", timeout=timeout))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=number, world_size=count, timeout=timeout)
    try:
        if torch.cuda.is_available():
            torch.cuda.set_device(_own_gpu())
        yield
    except Interrupted as error:
        if number > 0:
            sys.exit(error.exit_status)
        raise
    except Exception as error:
        if not _speaks(store, waits=number > 0 and not isinstance(error, ProcessLostError)):
            sys.exit(1)
        raise
    dist.destroy_process_group()


def _own_gpu() -> int:
    number, available = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= available:
        raise ValueError(
            f"expected a GPU for each process of a machine, got {available} GPUs for at least {number + 1} processes; "
            "CUDA_VISIBLE_DEVICES= trains on the CPU"
        )
    return number


def _speaks(store: Any, waits: bool) -> bool:
    """Whether this process is the one to say what is wrong."""
    try:
        if waits:
            store.wait([_SPEAKERS], timedelta(seconds=SPEAKING_SECONDS))
            return False
        return store.add(_SPEAKERS, 1) == 1
    except RuntimeError:  # no process has spoken, or the store is lost, too
        return True


def _gather(value: Any) -> list[Any]:
    """What each process has, by their numbers."""
    values: list[Any] = [value] * world_size()
    if world_size() > 1:
        with _lost_processes():
            dist.all_gather_object(values, value)
    return values


@contextmanager
def _lost_processes() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise ProcessLostError(
            f"another process of this training ended, or did not answer for {TIMEOUT_SECONDS:.0f} seconds: "
            f"{str(error).strip().splitlines()[-1]}"
        ) from error
