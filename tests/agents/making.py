"""Making small agents and environments, and comparing weights."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

from agents import A2C, PPO, REINFORCE, Algorithm, Branching, Schedule
from agents.algorithms.rollout import Rollout
from agents.algorithms.schedules import read_schedule

ID = "GlimpseDigits-v0"
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}
T, N = 6, 4
ITERATION = T * N
"""Steps of one iteration: T glimpses in each of N sub-environments."""
SCHEDULES: dict[str, Any] = {"learning_rate": Schedule(1e-2, 1e-3, "cosine"), "location_std": Schedule(0.3, 0.1)}
EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", [REINFORCE, A2C, PPO, Branching])
EVERY_CORE = pytest.mark.parametrize("core", ["rnn", "lstm", "gru"])
EVERY_REWARD = pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime"])


def make_agent(algorithm: type[Algorithm] = REINFORCE, env: Any = ID, core: str = "rnn", **changes: Any) -> Any:
    arguments: dict[str, Any] = {"num_envs": N, "seed": 0, "device": "cpu"} | changes
    return algorithm("RAMPolicy", env, policy_kwargs=SIZES | {"core": core}, **arguments)


def make_envs(num_envs: int, **arguments: Any) -> Any:
    return gym.make_vec(ID, num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments)


def observe(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Observations of random numbers."""
    rng = np.random.default_rng(seed)
    return {
        "glimpse": rng.random((count, 1, 8, 8), dtype=np.float32),
        "location": rng.uniform(-1, 1, (count, 2)).astype(np.float32),
    }


def first_rollout(agent: Algorithm) -> Rollout:
    """The rollout that the agent trains on in the first iteration of `learn`."""
    agent.learn(0)  # resets the environment
    agent.policy.location_std.fill_(read_schedule("location_std", agent.settings.location_std).start)
    return agent.collect_rollouts()


def weights(agent: Algorithm) -> dict[str, Tensor]:
    return {name: weight.clone() for name, weight in agent.policy.state_dict().items()}


def gradients(agent: Algorithm) -> dict[str, Tensor]:
    """The gradients of the last step of the optimizer."""
    return {name: weight.grad.clone() for name, weight in agent.policy.named_parameters() if weight.grad is not None}


def training_state(agent: Algorithm) -> dict[str, Tensor]:
    """Weights, moments of the optimizer, and the state of the generator."""
    moments = {
        f"{number} {name}": value.clone()
        for number, moments in agent.optimizer.state_dict()["state"].items()
        for name, value in moments.items()
    }
    return weights(agent) | moments | {"generator": agent.generator.get_state()}


def assert_same_weights(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    """Exactly: not one bit may differ."""
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
