"""Layers: the numbers that torch itself would draw, from another generator and whatever torch's defaults are."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from glimpse_env.utils.layers import make_layer, new_generator
from tests.torch_defaults import OTHER_DEFAULTS, torch_defaults

LAYERS: dict[str, Callable[..., Any]] = {
    "linear": lambda make: make(nn.Linear, 5, 3),
    "convolution": lambda make: make(nn.Conv2d, 2, 3, kernel_size=3, padding=1),
    "gru": lambda make: make(nn.GRUCell, 5, 3),
    "lstm": lambda make: make(nn.LSTMCell, 5, 3),
}
EVERY_LAYER = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def ours(layer: Any, seed: int) -> list[torch.Tensor]:
    generator = new_generator(seed)
    return list(layer(lambda kind, *sizes, **more: make_layer(kind, *sizes, generator=generator, **more)).parameters())


@EVERY_LAYER
def test_weights_are_those_that_torch_draws(layer: Any) -> None:
    torch.manual_seed(3)
    expected = list(layer(lambda kind, *sizes, **more: kind(*sizes, **more)).parameters())
    for one, other in zip(expected, ours(layer, seed=3), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@EVERY_LAYER
def test_the_global_generator_is_left_alone(layer: Any) -> None:
    before = torch.get_rng_state()
    ours(layer, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


@EVERY_LAYER
def test_without_a_generator_the_global_one_draws(layer: Any) -> None:
    torch.manual_seed(3)
    for one, other in zip(layer(make_layer).parameters(), ours(layer, seed=3), strict=True):
        assert torch.equal(one, other)


@OTHER_DEFAULTS
@EVERY_LAYER
def test_default_dtype_and_device_do_not_matter(layer: Any, others: dict[str, str]) -> None:
    expected = ours(layer, seed=3)
    with torch_defaults(**others):
        got = ours(layer, seed=3)
    for one, other in zip(expected, got, strict=True):
        assert torch.equal(one, other)


def test_generators_without_a_seed_differ() -> None:
    assert new_generator().initial_seed() != new_generator().initial_seed()
    assert new_generator(7).initial_seed() == 7
