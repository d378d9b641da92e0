"""Awkward values, and whether code takes each of them or refuses it with an error that says what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glimpse_env.utils.errors import shown

AWKWARD: list[Any] = [
    None,
    True,
    np.bool_(False),
    0,
    1,
    -1,
    2,
    2**31,
    2**63,
    10**400,
    10**5000,
    0.0,
    -0.5,
    1.7,
    1e39,
    float("nan"),
    float("inf"),
    1j,
    Fraction(1, 2),
    np.int64(3),
    np.uint8(2),
    np.float32(0.5),
    np.float64("nan"),
    "",
    "0",
    "digits",
    "rgb_array",
    "x\0y",
    "x" * 5000,
    b"digits",
    Path("nowhere"),
    (),
    (0, 0),
    (True, False),
    (None, None),
    (0.5, float("nan")),
    (10**400, 0),
    [1, 2],
    [-1, 0],
    [1.5, 0],
    [None, 1],
    [None, None],
    ["a", "b"],
    [[0, 1]],
    [0, [1]],
    [0] * 3,
    {0, 1},
    {},
    {"index": 0},
    {3: 4},
    range(2),
    np.arange(2),
    np.array(3),
    np.array([0.5, 0.5]),
    np.array([True, False]),
    np.array([2**63, 0], dtype=np.uint64),
    np.array(["a", None], dtype=object),
    np.zeros((2, 2)),
    np.zeros(0),
    torch.tensor(1),
    torch.tensor([0, 1]),
    torch.tensor([0.5, float("nan")]),
    torch.zeros(2, dtype=torch.bfloat16),
    torch.zeros(2, device="meta"),
    torch.device("meta"),
    torch.float32,
    object(),
    type,
    lambda: 0,
]
OURS = (TypeError, ValueError, IndexError)
SAYS = re.compile(r"[Ee]xpected .*(, got|, but) .|^Unknown .* Known: .|got an unexpected keyword argument")


def unclear_errors(attempt: Callable[[Any], Any]) -> str:
    """The awkward values that are neither taken nor refused in clear words, with what was said of them."""
    unclear = []
    for value in AWKWARD:
        try:
            attempt(value)
        except OURS as error:
            if not SAYS.search(str(error)) or "\n" in str(error):
                unclear.append((value, f"{type(error).__name__}: {error}"))
        except Exception as error:
            unclear.append((value, f"{type(error).__name__}: {error}"))
    return "\n".join(f"{shown(value)[:60]}: {message[:300]}" for value, message in unclear)
