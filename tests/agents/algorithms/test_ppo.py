"""PPO: A2C or REINFORCE where it uses episodes once; clipped, over whole episodes, where it uses them more often."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from agents import A2C, PPO, REINFORCE, Algorithm, LossWeights
from agents.algorithms.rollout import BehaviourPolicy, Rollout, collect

T, N = 4, 8
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}


def make(algorithm: type[Algorithm] = PPO, reward: str = "hard", core: str = "rnn", **changes: Any) -> Algorithm:
    settings: dict[str, Any] = {
        "num_envs": N,
        "learning_rate": 0.0,
        "max_grad_norm": 1e9,
        "location_std": 0.2,
        "loss_weights": LossWeights(policy=1.0),
    } | changes
    env: Any = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=T)
    return algorithm(env, policy_kwargs=SIZES | {"core": core}, seed=0, device="cpu", **settings)


def gradients(agent: Algorithm) -> dict[str, Tensor]:
    return {name: weight.grad.clone() for name, weight in agent.policy.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("core", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime"])
@pytest.mark.parametrize(("algorithm", "gae_lambda"), [(A2C, 0.0), (REINFORCE, 1.0)])
def test_one_epoch_without_clipping_is(algorithm: type[Algorithm], gae_lambda: float, reward: str, core: str) -> None:
    mine = make(PPO, reward, core, n_epochs=1, batch_size=N, clip_range=1e6, gae_lambda=gae_lambda)
    other = make(algorithm, reward, core)
    mine.learn(1)
    other.learn(1)
    expected = gradients(other)
    for name, gradient in gradients(mine).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-5, msg=name)
        assert gradient.any(), name


def test_the_first_use_is_not_clipped() -> None:
    wide, narrow = (make(n_epochs=1, batch_size=N, clip_range=clip_range) for clip_range in (1e6, 0.2))
    wide.learn(1)
    narrow.learn(1)
    expected = gradients(wide)
    for name, gradient in gradients(narrow).items():
        torch.testing.assert_close(gradient, expected[name], msg=name)


def rollout_of(agent: Algorithm) -> Rollout:
    """The episodes that an agent made alike collects first."""
    observation, _ = agent.env.reset(seed=agent.spec.seed, options={"episode": 0})
    agent.policy.location_std.fill_(0.2)
    return collect(BehaviourPolicy(agent.policy, agent.generator), agent.env, observation)


@pytest.mark.parametrize("clip_range", [1e-4, 0.05, 0.2])
def test_a_location_that_moved_far_enough_is_left_alone(clip_range: float) -> None:
    settings: dict[str, Any] = {"batch_size": N, "clip_range": clip_range, "learning_rate": 0.02}
    twice, once, untrained = make(n_epochs=2, **settings), make(n_epochs=1, **settings), make(**settings)
    rollout = rollout_of(untrained)
    twice.learn(1)
    once.learn(1)
    before, after = untrained.policy, once.policy
    observations, locations = rollout.observations, rollout.locations[:-1]
    old = before.unroll(observations)[:-1].detach()
    new = after.unroll(observations)[:-1].detach()
    advantage = rollout.rewards[1:].flip(0).cumsum(0).flip(0) - before.value(old).detach()
    ratio = (
        after.log_prob(locations, after.location_mean(new)) - before.log_prob(locations, before.location_mean(old))
    ).exp()
    done = torch.where(advantage > 0, ratio > 1 + clip_range, ratio < 1 - clip_range)
    assert 0 < done.sum() < done.numel()
    loss = -(ratio * advantage)[~done].sum() / N
    bias = after.location_network.linear.bias
    (expected,) = torch.autograd.grad(loss, bias)
    torch.testing.assert_close(gradients(twice)["location_network.linear.bias"], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("n_epochs", "batch_size", "sizes"), [(3, 8, [8]), (2, 3, [3, 3, 2]), (1, 100, [8])])
def test_minibatches_are_of_whole_episodes_and_leave_none_out(n_epochs: int, batch_size: int, sizes: list[int]) -> None:
    agent = make(n_epochs=n_epochs, batch_size=batch_size)
    rollout = rollout_of(make())
    unroll, seen = agent.policy.unroll, []

    def watch(observations: dict[str, Tensor]) -> Tensor:
        if torch.is_grad_enabled():  # otherwise `learn` only makes sure that the agent still acts
            seen.append(observations["location"])
        return unroll(observations)

    agent.policy.unroll = watch  # type: ignore[method-assign]
    agent.learn(1)
    assert [chosen.shape for chosen in seen] == [(T, size, 2) for size in sizes * n_epochs]
    everything = sorted(rollout.observations["location"].transpose(0, 1).flatten(1).tolist())
    for epoch in range(n_epochs):
        used = torch.cat(seen[epoch * len(sizes) : (epoch + 1) * len(sizes)], dim=1)
        assert sorted(used.transpose(0, 1).flatten(1).tolist()) == everything


def test_the_order_changes_from_epoch_to_epoch() -> None:
    agent = make(n_epochs=2, batch_size=N)
    unroll, seen = agent.policy.unroll, []

    def watch(observations: dict[str, Tensor]) -> Tensor:
        if torch.is_grad_enabled():  # otherwise `learn` only makes sure that the agent still acts
            seen.append(observations["location"])
        return unroll(observations)

    agent.policy.unroll = watch  # type: ignore[method-assign]
    agent.learn(1)
    assert not torch.equal(seen[0], seen[1])


def test_the_fraction_that_was_clipped_is_logged() -> None:
    agent = make(n_epochs=3, batch_size=N, learning_rate=0.02, clip_range=0.01)
    agent.learn(1)
    fractions = [metrics["clip_fraction"].item() for metrics in agent.metrics.losses]
    assert fractions[0] == 0
    assert 0 < fractions[1] <= 1
