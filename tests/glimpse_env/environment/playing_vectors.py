"""Making and playing vector environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv

N = 5
T = 6
PLAIN, CLUTTERED = "GlimpseDigits-v0", "GlimpseClutteredDigits-v0"


def native(env_id: str = PLAIN, num_envs: int = N, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    return gym.make_vec(env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments)


def sample(count: int, num_envs: int = N, num_classes: int = 10, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1.2, 1.2, (count, num_envs, 2 + num_classes)).astype(np.float32)
    actions[..., 2:] *= rng.choice([1, 10, 20], size=(count, num_envs, 1))
    return actions


def play(envs: VectorEnv[Any, Any, Any], actions: Any, **reset: Any) -> list[Any]:
    """Everything that `reset` and the steps return."""
    return [envs.reset(**reset), *(envs.step(action) for action in actions)]


def as_numpy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.cpu().numpy()
    if isinstance(value, Mapping):
        return {key: as_numpy(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_numpy(part) for part in value)
    return value


def unpacked(value: Any) -> Any:
    """With lists for object arrays, which NumPy does not compare element by element."""
    if isinstance(value, Mapping):
        return {key: unpacked(part) for key, part in value.items()}
    if isinstance(value, list | tuple) or getattr(value, "dtype", None) == np.dtype(object):
        return [unpacked(part) for part in value]
    return value


def assert_same(one: Any, other: Any) -> None:
    """Bit for bit."""
    np.testing.assert_equal(unpacked(one), unpacked(other))


def assert_same_types(one: Any, other: Any) -> None:
    if isinstance(one, Mapping):
        for key in one:
            assert_same_types(one[key], other[key])
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        if one.dtype == object:
            for mine, others in zip(one, other, strict=True):
                assert_same_types(mine, others)
    else:
        assert type(one) is type(other)
        if isinstance(one, list | tuple):
            for mine, others in zip(one, other, strict=True):
                assert_same_types(mine, others)
