"""The process' default dtype and default device change no number: the user may have set them for something else."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

from glimpse_env import DiscreteActions, VectorDiscreteActions
from glimpse_env.retina import cell_centres, grid_locations
from glimpse_env.rewards import REWARDS, initial_potential
from glimpse_env.spaces import belief_of
from tests.glimpse_env.environment.playing_vectors import (
    CLUTTERED,
    PLAIN,
    N,
    as_numpy,
    assert_same,
    native,
    play,
    sample,
)

T = 3


def forget_cached_tensors() -> None:
    """Tensors that were made under another default must not hide what a default does."""
    for name, module in list(sys.modules.items()):
        if name.startswith("glimpse_env"):
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


@pytest.fixture(params=["float64", "bfloat16", "a device"])
def set_default(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    def change() -> None:
        forget_cached_tensors()
        if request.param == "a device":
            torch.set_default_device("meta")  # holds no numbers, so what lands there cannot be read
        else:
            torch.set_default_dtype(getattr(torch, request.param))

    yield change
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    forget_cached_tensors()


def play_single(env_id: str, **arguments: Any) -> list[Any]:
    env = gym.make(env_id, num_glimpses=T, render_mode="rgb_array", **arguments)
    steps: list[Any] = [env.reset(seed=3), *(env.step(action) for action in sample(T)[:, 0])]
    assert all(step[0] in env.observation_space for step in steps)
    return [*steps, env.render()]


def play_vector(env_id: str, device: str | None, **arguments: Any) -> list[Any]:
    actions: Any = sample(T + 1)
    envs = native(env_id, num_glimpses=T, device=device, **arguments)
    return as_numpy(play(envs, actions if device is None else torch.from_numpy(actions), seed=3))


def play_discrete(device: str | None) -> list[Any]:
    cells: Any = np.random.default_rng(0).integers(0, 9, (T + 1, N, 2))
    envs = VectorDiscreteActions(native(num_glimpses=T, device=device), grid=3)
    env = DiscreteActions(gym.make(PLAIN, num_glimpses=T), grid=3)
    env.reset(seed=3)
    single = [env.step(cell) for cell in cells[:T, 0]]
    return [as_numpy(play(envs, cells if device is None else torch.from_numpy(cells), seed=3)), single]


def everything() -> list[Any]:
    ids: list[tuple[str, dict[str, Any]]] = [
        (PLAIN, {"initial_location": (0.1, -0.3), "num_scales": 3}),
        (CLUTTERED, {"split": "train", "context_size": 5}),
        (CLUTTERED, {"split": "test"}),
    ]
    played = []
    for env_id, arguments in ids:
        for reward in ("hard", "entropy"):
            played.append(play_single(env_id, reward=reward, **arguments))
            played += [play_vector(env_id, device, reward=reward, **arguments) for device in (None, "cpu")]
    logits = torch.from_numpy(sample(1)[0, :, 2:])
    labels = torch.from_numpy(np.arange(N))
    pure = [cell_centres(5), grid_locations(3), initial_potential(N, 10), belief_of(logits)]
    pure += [REWARDS[name](logits, labels, initial_potential(N, 10), ended=True)[0] for name in REWARDS]
    return [*played, play_discrete(None), play_discrete("cpu"), as_numpy(pure)]


def test_neither_default_changes_a_number(set_default: Callable[[], None]) -> None:
    forget_cached_tensors()
    expected = everything()
    set_default()
    assert_same(everything(), expected)
