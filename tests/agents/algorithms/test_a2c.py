"""A2C: each location is credited with the one-step temporal difference."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from agents import A2C, REINFORCE, Algorithm, LossWeights
from agents.algorithms.rollout import Rollout

T, N = 4, 8
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}


def updated(algorithm: type[Algorithm] = A2C, reward: str = "hard", steps: int = T) -> tuple[Algorithm, Rollout]:
    """An agent after one update that left its weights alone, with the gradients in them, and what it learnt from."""
    env: Any = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=steps)
    agent = algorithm(
        env,
        policy_kwargs=SIZES,
        seed=0,
        device="cpu",
        num_envs=N,
        learning_rate=0.0,
        max_grad_norm=1e9,
        location_std=0.2,
        loss_weights=LossWeights(policy=1.0),
    )
    collect, played = agent._collect, []
    agent._collect = lambda: played.append(collect()) or played[-1]  # type: ignore[func-returns-value,method-assign]
    agent.learn(1)
    return agent, played[0]


def temporal_differences(agent: Algorithm, rollout: Rollout) -> Tensor:
    values = agent.policy.value(rollout.hidden).detach()
    differences = torch.zeros(T - 1, N)
    for step in range(T - 1):
        # The last location is paid nothing, so nothing is expected of it.
        after = values[step + 1] if step + 1 < T - 1 else 0.0
        differences[step] = rollout.rewards[step + 1] + after - values[step]
    return differences


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime"])
def test_locations_are_paid_by_the_temporal_difference(reward: str) -> None:
    agent, rollout = updated(reward=reward)
    differences = temporal_differences(agent, rollout)
    means = rollout.means[:-1].detach()
    logits = (rollout.locations[:-1] - means) / 0.2**2 * (1 - means**2)
    bias = agent.policy.location_network.linear.bias
    assert bias.grad is not None
    torch.testing.assert_close(bias.grad, -(logits * differences[..., None]).sum(0).mean(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime"])
def test_the_baseline_learns_the_temporal_difference(reward: str) -> None:
    agent, rollout = updated(reward=reward)
    bias = agent.policy.baseline.bias
    assert bias.grad is not None
    expected = -2 * temporal_differences(agent, rollout).mean()
    torch.testing.assert_close(bias.grad, expected[None], rtol=1e-4, atol=1e-6)


def gradients(agent: Algorithm) -> dict[str, Tensor]:
    return {name: weight.grad for name, weight in agent.policy.named_parameters() if weight.grad is not None}


def test_with_one_location_it_is_reinforce() -> None:
    one, other = (gradients(updated(algorithm, steps=2)[0]) for algorithm in (A2C, REINFORCE))
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_with_more_locations_it_is_not() -> None:
    one, other = (gradients(updated(algorithm)[0]) for algorithm in (A2C, REINFORCE))
    for name in one:
        differs = name.split(".")[0] in ("location_network", "baseline")
        assert torch.equal(one[name], other[name]) is not differs, name
