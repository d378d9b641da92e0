"""Branching: its gradient by hand, its settings, and the demonstration path that it can be warmed up with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch

import agents
from agents import Branching, LossWeights
from tests.agents.making import EVERY_REWARD, ID, assert_same_weights, first_rollout, make_agent, weights

T, N, K, STD = 4, 6, 3, 0.2


def make(reward: str = "hard", num_glimpses: int = T, **changes: Any) -> Any:
    """An agent whose weights stay as they are, so that each step leaves nothing but its gradient."""
    settings: dict[str, Any] = {
        "num_envs": N,
        "num_branches": K,
        "learning_rate": 0.0,
        "max_grad_norm": 1e9,
        "location_std": STD,
        "loss_weights": LossWeights(policy=1.0),
    } | changes
    return make_agent(Branching, gym.make(ID, reward=reward, num_glimpses=num_glimpses), **settings)


@EVERY_REWARD
def test_the_gradient_of_the_location_by_hand(reward: str) -> None:
    agent = make(reward)
    rollout = first_rollout(agent)
    agent.train(rollout)

    values = agent.policy.value(rollout.hidden).detach()
    expected = torch.zeros(2)
    for step in range(T - 1):
        for env in range(N):
            following = values[step + 1, env] if step + 1 < T - 1 else 0.0
            taken = (rollout.locations[step, env], rollout.rewards[step + 1, env] + following)
            others = zip(rollout.branches.locations[step, env], rollout.branches.outcomes[step, env], strict=True)
            tried = [taken, *others]
            assert len(tried) == K
            mean = rollout.means[step, env].detach()
            for k, (location, outcome) in enumerate(tried):
                rest = sum(other for j, (_, other) in enumerate(tried) if j != k) / (K - 1)
                score = (location - mean) / STD**2 * (1 - mean**2)
                expected -= (outcome - rest) * score / K / N
    torch.testing.assert_close(agent.policy.location_network.linear.bias.grad, expected, rtol=1e-3, atol=1e-5)


def test_the_baseline_learns_the_returns() -> None:
    agent = make("anytime", loss_weights=LossWeights(policy=1.0, baseline=1.0))
    rollout = first_rollout(agent)
    agent.train(rollout)
    values = agent.policy.value(rollout.hidden[:-1]).detach()
    returns = torch.stack([rollout.rewards[step + 1 :].sum(0) for step in range(T - 1)])
    expected = 2 * (values - returns).mean()
    torch.testing.assert_close(agent.policy.baseline.bias.grad, expected[None])


def test_a_demonstration_path_is_cloned() -> None:
    agent = make(demonstration_path=((0.5, -0.5),), warmup_fraction=0.5)
    agent.total_timesteps = 10**6
    rollout = first_rollout(agent)
    assert rollout.cloning
    assert rollout.branches.outcomes.numel() == 0
    agent.train(rollout)
    means = rollout.means[:-1].detach()
    score = (rollout.locations[:-1] - means) / STD**2 * (1 - means**2)
    torch.testing.assert_close(
        agent.policy.location_network.linear.bias.grad, -score.sum(0).mean(0), rtol=1e-3, atol=1e-5
    )


def test_a_single_glimpse_leaves_nothing_to_choose() -> None:
    agent = make(num_glimpses=1)
    agent.train(first_rollout(agent))
    assert agent.policy.location_network.linear.bias.grad.abs().sum() == 0
    assert agent.policy.classifier.bias.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"num_branches": 1}, ValueError, "num_branches"),
        ({"num_branches": 2.5}, TypeError, "num_branches"),
        ({"num_branches": 2, "episodes_per_image": 2}, ValueError, "episodes_per_image"),
    ],
)
def test_what_cannot_be_is_an_error(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Branching(ID, num_envs=4, **settings)


def test_with_a_context_the_branches_look_where_the_policy_would() -> None:
    env = gym.make(ID, context_size=7)
    agent = Branching(env, policy_kwargs={"context_features": 4, "hidden_size": 16}, num_envs=6, seed=0, device="cpu")
    rollout = first_rollout(agent)
    context = agent.policy.context({key: value[0] for key, value in rollout.observations.items()})
    means = agent.policy.location_mean(rollout.hidden, context)
    torch.testing.assert_close(rollout.means, means)
    assert not torch.allclose(means, agent.policy.location_mean(rollout.hidden, torch.zeros_like(context)))
    deviations = (rollout.branches.locations - means[:-1, :, None]) / agent.policy.location_std
    assert deviations.abs().max() < 5
    before = agent.policy.context_network.readout[0].weight.clone()
    agent.learn(6 * 6 * 2)
    assert not torch.equal(before, agent.policy.context_network.readout[0].weight)


def test_an_agent_with_a_context_is_saved_and_loaded(tmp_path: Path) -> None:
    env = gym.make("GlimpseClutteredDigits-v0", context_size=7, num_scales=2)
    agent = Branching(env, policy_kwargs={"context_features": 4, "hidden_size": 16}, num_envs=6, seed=0, device="cpu")
    agent.learn(6 * 6).save(tmp_path / "agent.zip")
    assert_same_weights(weights(agent), weights(agents.load(tmp_path / "agent.zip")))
