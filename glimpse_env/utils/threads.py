"""The number of threads that torch computes with, chosen for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from glimpse_env.config import check_integer

MAX_THREADS = 1024
"""More than the processors of large machines."""


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Computes with so many threads inside the block, and with as many as before after it.

    The parts of a glimpse agent are small. Several threads gain little on them, and where another process wants the
    same cores each part waits for its slowest thread: training was measured 3 to 20 times slower with two threads than
    with one, for all batches from 32 to 8192 images. So whatever computes here takes one thread, unless it is told
    otherwise.

    Args:
        count: Threads on the CPU, from 1 to 1024.

    Raises:
        TypeError: It is no integer.
        ValueError: It is out of range.

    Example:
        >>> before = torch.get_num_threads()
        >>> with torch_threads(1):
        ...     torch.get_num_threads()
        1
        >>> torch.get_num_threads() == before
        True
    """
    check_integer("num_threads", count, 1, MAX_THREADS)
    before = torch.get_num_threads()
    if before == count:  # setting it anyway costs what is computed next some 20 microseconds
        yield
        return
    torch.set_num_threads(int(count))
    try:
        yield
    finally:
        torch.set_num_threads(before)
