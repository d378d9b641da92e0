"""Making and playing single environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np


def digits(**arguments: Any) -> gym.Env[Any, Any]:
    return gym.make("GlimpseDigits-v0", **arguments)


def play(env: gym.Env[Any, Any], actions: np.ndarray, **reset: Any) -> list[Any]:
    """Everything that `reset` and the steps of an episode return."""
    return [env.reset(**reset), *(env.step(action) for action in actions)]


def sample(env: gym.Env[Any, Any], count: int, seed: int = 0) -> np.ndarray:
    env.action_space.seed(seed)
    return np.stack([env.action_space.sample() for _ in range(count)])


def answer(label: int, location: tuple[float, float] = (0.0, 0.0), num_classes: int = 10) -> np.ndarray:
    action = np.zeros(2 + num_classes, np.float32)
    action[:2] = location
    action[2 + label] = 20
    return action


def assert_same(one: Any, other: Any) -> None:
    np.testing.assert_equal(one, other)
