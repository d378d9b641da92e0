"""Running code under other defaults of torch, which belong to the user and change none of our numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch


@contextmanager
def torch_defaults(dtype: str = "float32", device: str | None = None) -> Iterator[None]:
    """Sets torch's default dtype and device, and sets both back."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(before)


# On the device "meta" tensors hold no numbers: whatever is made there by mistake cannot give the right ones.
OTHER_DEFAULTS = pytest.mark.parametrize(
    "others", [{"dtype": "float64"}, {"dtype": "bfloat16"}, {"device": "meta"}], ids=["float64", "bfloat16", "device"]
)

OF_THE_USER = 3
"""A number of threads that the user chose; see the fixture `threads_of_the_user`."""
