"""RLlib's runner samples episodes from the vector environment in the mode that it expects, and its PPO learns."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import glimpse_env  # noqa: F401  # registers the ids

pytest.importorskip("ray.rllib", reason="needs RLlib: run `make others`")

from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.connectors.env_to_module import FlattenObservations
from ray.rllib.env.single_agent_env_runner import SingleAgentEnvRunner
from ray.tune.registry import register_env

from scripts.examples import rllib_ppo

N, T = 4, 3


def test_episodes_are_whole_and_what_the_environment_gives() -> None:
    def make(context: dict[str, Any]) -> gym.vector.VectorEnv[Any, Any, Any]:
        return gym.make_vec(
            "GlimpseDigits-v0",
            context["num_envs"],
            vectorization_mode="vector_entry_point",
            num_glimpses=T,
            autoreset_mode="next_step",
        )

    register_env("glimpses", make)
    config = (
        PPOConfig()
        .environment("glimpses")
        .env_runners(
            num_env_runners=0,
            num_envs_per_env_runner=N,
            gym_env_vectorize_mode="vector_entry_point",
            env_to_module_connector=lambda *parts, **named: FlattenObservations(),  # its networks take no Dict
        )
        .debugging(seed=3)
    )
    runner = SingleAgentEnvRunner(config=config)
    episodes = runner.sample(num_episodes=2 * N, random_actions=True)
    assert len(episodes) >= 2 * N
    for episode in episodes:
        assert len(episode) == T
        assert episode.is_terminated
        observations = np.stack(episode.get_observations())
        # A first observation and one for each action, of which the last is the last glimpse again.
        assert observations.shape == (T + 1, 64 + 2)
        np.testing.assert_array_equal(observations[-1], observations[-2])
        locations = np.stack(episode.get_actions())[:, :2]
        np.testing.assert_allclose(observations[1:-1, 64:], locations[:-1])
    runner.stop()


def test_the_example_learns() -> None:
    returns = rllib_ppo.main(num_iterations=16)
    assert np.mean(returns[-4:]) > np.mean(returns[:4])
