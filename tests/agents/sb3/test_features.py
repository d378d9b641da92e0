"""The features extractor: Stable-Baselines3's and sb3-contrib's algorithms take it and train it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, PPO, SAC

from agents import GlimpseFeatures, make_sb3_env
from agents.policy.networks import GlimpseNetwork

ID = "GlimpseDigits-v0"
SIZES = {"what_size": 8, "where_size": 4, "size": 16}
ON_POLICY = {"n_steps": 6}
ALGORITHMS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "PPO": (PPO, "MultiInputPolicy", ON_POLICY | {"batch_size": 12}),
    "A2C": (A2C, "MultiInputPolicy", ON_POLICY),
    "SAC": (SAC, "MultiInputPolicy", {"learning_starts": 8, "buffer_size": 1000}),
    "RecurrentPPO": (RecurrentPPO, "MultiInputLstmPolicy", ON_POLICY | {"batch_size": 12}),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_is_trained_by(name: str) -> None:
    algorithm, policy, settings = ALGORITHMS[name]
    policy_kwargs = {"features_extractor_class": GlimpseFeatures, "features_extractor_kwargs": SIZES}
    model = algorithm(policy, make_sb3_env(ID, 4), policy_kwargs=policy_kwargs, seed=0, device="cpu", **settings)
    network = next(part for part in model.policy.modules() if isinstance(part, GlimpseNetwork))
    before = network.what.weight.detach().clone()
    model.learn(48)
    assert not network.what.weight.equal(before)


def test_is_the_glimpse_network() -> None:
    env = gym.make("GlimpseClutteredDigits-v0", num_scales=3)
    features = GlimpseFeatures(env.observation_space, **SIZES)
    assert features.features_dim == 16
    observations = {"glimpse": torch.rand(5, 3, 8, 8), "location": torch.rand(5, 2)}
    expected = features.network(observations["glimpse"], observations["location"])
    assert features(observations).equal(expected)
    assert expected.shape == (5, 16)


def test_continuous_environments_take_arguments() -> None:
    env = make_sb3_env(ID, 3, num_glimpses=2, reward="information", split="test")
    assert env.num_envs == 3
    assert env.action_space.shape == (12,)
    config = env.native.unwrapped.world.config
    assert (config.num_glimpses, config.split) == (2, "test")


def test_discrete_environments_train_a_categorical_policy() -> None:
    env = make_sb3_env(ID, 4, grid=3)
    assert env.action_space == gym.spaces.MultiDiscrete([9, 10])
    policy_kwargs = {"features_extractor_class": GlimpseFeatures}
    PPO("MultiInputPolicy", env, n_steps=6, batch_size=12, policy_kwargs=policy_kwargs, device="cpu").learn(24)
