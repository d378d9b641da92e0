"""Devices: which one to take, and whether it computes in bfloat16 as fast as it can, or only emulates it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from glimpse_env.vector import read_device

CPU_INFO = Path("/proc/cpuinfo")
_CPU_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def choose_device(device: Any) -> torch.device:
    """Returns the device of that name; for `"auto"` the GPU where there is one, or else the CPU.

    Raises:
        ValueError: There is no such device, or it cannot compute here.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device is None:
        raise ValueError("expected a device such as 'cpu', 'cuda' or 'auto', got None")
    return read_device(device)


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
