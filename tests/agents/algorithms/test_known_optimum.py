"""A task whose optimum is known: the class shows at one end of the image, and the first glimpse is at the other.

The tests measure the reward of every location by looking there, so that the true policy gradient is a sum.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

import glimpse_env
from agents import A2C, PPO, REINFORCE, Algorithm, LossWeights
from tests.agents.making import EVERY_ALGORITHM

STD = 0.4
ONCE: dict[type[Algorithm], dict[str, Any]] = {PPO: {"n_epochs": 1, "batch_size": 10**6}}


def load_ends(split: str, data_dir: Path) -> Any:
    """Two images of 8 x 24 pixels: a bright bar at the right end, above or below."""
    images = np.zeros((2, 8, 24), np.uint8)
    images[0, :4, -6:] = images[1, 4:, -6:] = 255
    return images, np.array([0, 1]), ["above", "below"]


glimpse_env.register_dataset("test-ends", load_ends)


def make_env() -> Any:
    return gym.make("Glimpse-v0", dataset="test-ends", num_glimpses=2, glimpse_size=8, initial_location=(-1.0, 0.0))


def make(algorithm: type[Algorithm], **settings: Any) -> Algorithm:
    sizes = {"hidden_size": 32, "what_size": 16, "where_size": 8}
    return algorithm(make_env(), policy_kwargs=sizes, seed=1, device="cpu", location_std=STD, **settings)


def trained(algorithm: type[Algorithm]) -> Algorithm:
    agent = make(algorithm, num_envs=64, learning_rate=3e-3, loss_weights=LossWeights(policy=0.3))
    return agent.learn(64 * 2 * 250)


@pytest.fixture(scope="module")
def knowing() -> dict[str, Tensor]:
    """The weights of an agent that knows the classes when it sees them, and looks at the centre."""
    weights = copy.deepcopy(trained(REINFORCE).policy.state_dict())
    for name in ("location_network.linear.weight", "location_network.linear.bias"):
        weights[name].zero_()
    return weights


def rewards_of_locations(agent: Algorithm) -> tuple[Tensor, Tensor]:
    """Locations on a grid that nearly all draws lie within, and the reward of looking there, for either image."""
    axis = torch.arange(-2, 2.001, 0.05)
    grid = torch.cartesian_prod(axis, axis)
    count = len(grid)
    rewards = []
    for index in (0, 1):
        envs = agent.make_vec_env(count)
        observation, _ = envs.reset(seed=0, options={"index": np.full(count, index)})
        actions, state = agent.predict(observation, deterministic=True)
        actions[:, :2] = grid
        observation, *_ = envs.step(actions)
        actions, _ = agent.predict(observation, state, deterministic=True)
        _, reward, *_ = envs.step(actions)
        rewards.append(torch.from_numpy(reward).float())
    return grid, torch.stack(rewards)


def expected_reward(mean: Tensor, grid: Tensor, rewards: Tensor) -> Tensor:
    density = (-0.5 * ((grid - mean) / STD).square().sum(-1)).exp()
    return (density * rewards.mean(0)).sum() / density.sum()


@EVERY_ALGORITHM
def test_the_policy_gradient_is_that_of_the_expected_reward(
    algorithm: type[Algorithm], knowing: dict[str, Tensor]
) -> None:
    agent = make(
        algorithm,
        num_envs=20_000,
        learning_rate=0.0,
        max_grad_norm=1e9,
        loss_weights=LossWeights(policy=1.0),
        **ONCE.get(algorithm, {}),
    )
    agent.policy.load_state_dict(knowing)
    grid, rewards = rewards_of_locations(agent)
    assert 0.5 < rewards.mean() < 1, "some locations show the class, others do not"

    mean = torch.zeros(2, requires_grad=True)
    (true_gradient,) = torch.autograd.grad(expected_reward(mean, grid, rewards), mean)
    assert true_gradient[0] > 0.2, "it pays to look further to the right"

    agent.learn(1)
    gradient = agent.policy.location_network.linear.bias.grad
    assert gradient is not None
    # A gradient is the mean of 20,000 terms, each at most about 1 / STD times a normal number.
    error = 4 / STD / np.sqrt(20_000)
    torch.testing.assert_close(-gradient, true_gradient, rtol=0, atol=error)
    assert true_gradient[0] > 2 * error


@pytest.mark.parametrize("algorithm", [REINFORCE, A2C, PPO])
def test_the_baseline_does_not_bias_the_gradient(algorithm: type[Algorithm], knowing: dict[str, Tensor]) -> None:
    gradients = []
    for bias in (0.0, 0.75):
        agent = make(
            algorithm,
            num_envs=20_000,
            learning_rate=0.0,
            max_grad_norm=1e9,
            loss_weights=LossWeights(policy=1.0),
            **ONCE.get(algorithm, {}),
        )
        agent.policy.load_state_dict(knowing)
        with torch.no_grad():
            agent.policy.baseline.weight.zero_()
            agent.policy.baseline.bias.fill_(bias)
        agent.learn(1)
        gradient = agent.policy.location_network.linear.bias.grad
        assert gradient is not None
        gradients.append(gradient)
    assert not torch.equal(*gradients)
    torch.testing.assert_close(*gradients, rtol=0, atol=4 / STD / np.sqrt(20_000))


@EVERY_ALGORITHM
def test_it_learns_to_look_where_the_class_shows(algorithm: type[Algorithm]) -> None:
    agent = trained(algorithm)
    env = agent.make_env()
    for index in (0, 1):
        observation, _ = env.reset(seed=0, options={"index": index})
        action, state = agent.predict(observation, deterministic=True)
        assert action[0] > 0.3, "the bar begins at x = 0.5, and a glimpse reaches a third of the way to either side"
        observation, *_ = env.step(action)
        action, _ = agent.predict(observation, state, deterministic=True)
        _, reward, _, _, info = env.step(action)
        assert reward == 1
        assert info["is_success"]
    assert agent.recent_accuracy > 0.8, "a guess is correct half the time"


@EVERY_ALGORITHM
def test_it_clones_a_demonstration_path_whatever_that_earns(algorithm: type[Algorithm]) -> None:
    """The path leads to the wrong end, where nothing shows: reward alone would not keep the agent there."""
    path = ((-0.75, 0.5),)
    agent = make(algorithm, num_envs=64, learning_rate=3e-3, demonstration_path=path, warmup_fraction=1.0)
    observation = {key: seen.numpy() for key, seen in agent.env.reset(seed=0)[0].items()}
    before = agent.predict(observation, deterministic=True)[0][:, :2]
    agent.learn(64 * 2 * 250)
    after = agent.predict(observation, deterministic=True)[0][:, :2]
    assert np.abs(before - path).max() > 0.3
    np.testing.assert_allclose(after, np.broadcast_to(path, after.shape), atol=0.15)


@EVERY_ALGORITHM
def test_exploratory_episodes_do_not_train_the_location_network_and_the_baseline(algorithm: type[Algorithm]) -> None:
    agent = make(algorithm, num_envs=16, exploration_fraction=1.0)
    before = {name: weight.detach().clone() for name, weight in agent.policy.named_parameters()}
    agent.learn(16 * 2 * 3)
    for name, weight in agent.policy.named_parameters():
        assert torch.equal(before[name], weight) == name.startswith(("location_network", "baseline"))
