"""Layers of networks whose weights come from a generator of their own, and are float32 on the CPU.

A layer of torch draws its weights from torch's global generator when it is made, and takes torch's default dtype. So
the same seed gives other weights where another thread draws at the same time, or where the user set another dtype.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.utils import skip_init

from glimpse_env.config import check_integer

MAX_SEED = 2**64 - 1
"""The largest seed of torch's generators."""

LayerT = TypeVar("LayerT", nn.Linear, nn.Conv2d, nn.GRUCell, nn.LSTMCell)

_HAS_NUMBERS = ContextVar("has_numbers", default=True)


@contextmanager
def without_weights() -> Iterator[None]:
    """Within it, `make_layer` makes layers that have shapes but no numbers, and take no memory, on torch's meta device.

    Example:
        >>> with without_weights():
        ...     make_layer(nn.Linear, 10**6, 10**6).weight.shape
        torch.Size([1000000, 1000000])
    """
    token = _HAS_NUMBERS.set(False)
    try:
        yield
    finally:
        _HAS_NUMBERS.reset(token)


def new_generator(seed: int | None = None) -> torch.Generator:
    """A source of random numbers on the CPU; None takes a seed from the operating system.

    Raises:
        TypeError: The seed is no integer.
        ValueError: It is not in [0, 2**64).
    """
    generator = torch.Generator("cpu")
    if seed is None:
        generator.seed()
        return generator
    check_integer("seed", seed, 0, MAX_SEED)
    return generator.manual_seed(int(seed))


def make_layer(layer: type[LayerT], *sizes: int, generator: torch.Generator | None = None, **arguments: Any) -> LayerT:
    """Makes a layer with the weights that torch would give it: uniform in +-1 / sqrt(fan-in).

    Args:
        layer: The class of the layer.
        *sizes: Its sizes.
        generator: Draws the weights; by default torch's global one, which Stable-Baselines3 seeds for its networks.
        **arguments: More arguments of the layer.

    Example:
        >>> layer = make_layer(nn.Linear, 4, 2, generator=new_generator(0))
        >>> layer.weight.shape, bool(layer.weight.abs().max() <= 0.5)
        (torch.Size([2, 4]), True)
    """
    if not _HAS_NUMBERS.get():
        make: Any = layer
        return make(*sizes, device="meta", dtype=torch.float32, **arguments)
    made = skip_init(layer, *sizes, device="cpu", dtype=torch.float32, **arguments)
    recurrent = isinstance(made, nn.RNNCellBase)
    bound = 1 / math.sqrt(made.hidden_size if recurrent else made.weight[0].numel())
    with torch.no_grad():
        for weight in made.parameters():
            weight.uniform_(-bound, bound, generator=generator)
    return made
