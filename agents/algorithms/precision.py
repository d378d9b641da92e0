"""Whether a device computes in bfloat16 as fast as it can, or only emulates it."""

from __future__ import annotations

from pathlib import Path

import torch

CPU_INFO = Path("/proc/cpuinfo")
_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def has_bfloat16(device: torch.device) -> bool | None:
    """Whether a device has instructions for bfloat16. Without them torch computes in it nonetheless, but slowly.

    Returns:
        None where the system does not say: for processors only Linux does, for other devices only CUDA.

    Example:
        >>> has_bfloat16(torch.device("meta")) is None
        True
    """
    if device.type == "cuda":
        with torch.cuda.device(device):
            return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return None
    try:
        words = CPU_INFO.read_text(encoding="utf-8").split()
    except OSError:
        return None
    return not _CPU_FLAGS.isdisjoint(words)
