"""Whether a device has instructions for bfloat16, as the system tells it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from agents.algorithms import devices
from agents.algorithms.devices import has_bfloat16

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("flags\t\t: fpu avx512f avx512_bf16 amx_tile\n", True),
        ("flags\t\t: fpu avx512f amx_bf16\n", True),
        ("Features\t: fp asimd bf16 i8mm\n", True),
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("flags\t\t: fpu avx512_bf16_of_another_kind\n", False),
    ],
)
def test_linux_tells_of_the_processor(
    told: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{told}", encoding="utf-8")
    monkeypatch.setattr(devices, "CPU_INFO", tmp_path / "cpuinfo")
    assert has_bfloat16(CPU) is expected


def test_elsewhere_nobody_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "CPU_INFO", tmp_path / "nowhere")
    assert has_bfloat16(CPU) is None
    assert has_bfloat16(torch.device("mps")) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_tells_by_its_capability() -> None:
    assert has_bfloat16(torch.device("cuda")) is (torch.cuda.get_device_capability() >= (8, 0))
