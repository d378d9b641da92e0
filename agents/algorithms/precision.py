"""Whether there is anything to be gained by computing in bfloat16."""

from __future__ import annotations

from pathlib import Path

import torch

CPU_INFO = Path("/proc/cpuinfo")
_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
_FIRST_CUDA = (8, 0)


def has_bfloat16(device: torch.device) -> bool | None:
    """Whether a device has instructions for bfloat16. Without them torch computes in it nonetheless, but slowly.

    Returns:
        None where nobody tells: of processors only Linux does, of other devices only CUDA.

    Example:
        >>> has_bfloat16(torch.device("meta")) is None
        True
    """
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= _FIRST_CUDA
    if device.type != "cpu":
        return None
    try:
        words = CPU_INFO.read_text(encoding="utf-8").split()
    except OSError:
        return None
    return not _CPU_FLAGS.isdisjoint(words)
