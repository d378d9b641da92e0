"""PPO: A2C or REINFORCE where it uses episodes once; clipped, over whole episodes, where it uses them more often."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from agents import A2C, PPO, REINFORCE, Algorithm, LossWeights
from agents.algorithms.rollout import Rollout
from tests.agents.making import first_rollout, gradients

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


@pytest.mark.parametrize("clip_range", [1e-4, 0.05, 0.2])
def test_a_location_that_moved_far_enough_has_no_gradient(clip_range: float) -> None:
    settings: dict[str, Any] = {"batch_size": N, "clip_range": clip_range, "learning_rate": 0.02}
    untrained, once, twice = make(**settings), make(n_epochs=1, **settings), make(n_epochs=2, **settings)
    rollout = first_rollout(untrained)
    once.learn(1)
    twice.learn(1)
    before, after = untrained.policy, once.policy
    observations, locations = rollout.observations, rollout.locations[:-1]
    old = before.unroll(observations)[:-1].detach()
    new = after.unroll(observations)[:-1].detach()
    advantage = rollout.rewards[1:].flip(0).cumsum(0).flip(0) - before.value(old).detach()
    ratio = (
        after.log_prob(locations, after.location_mean(new)) - before.log_prob(locations, before.location_mean(old))
    ).exp()
    clipped = torch.where(advantage > 0, ratio > 1 + clip_range, ratio < 1 - clip_range)
    assert 0 < clipped.sum() < clipped.numel()
    loss = -(ratio * advantage)[~clipped].sum() / N
    (expected,) = torch.autograd.grad(loss, after.location_network.linear.bias)
    gradient = gradients(twice)["location_network.linear.bias"]  # of the second epoch
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-4)


def locations_of_minibatches(agent: Algorithm) -> tuple[Rollout, list[Tensor]]:
    """A rollout, and the locations of its glimpses in each minibatch that the agent trains on."""
    rollout, seen = first_rollout(agent), []
    agent.policy.glimpse_network.register_forward_hook(lambda _, inputs, __: seen.append(inputs[1]))
    agent.train(rollout)
    return rollout, seen


@pytest.mark.parametrize(("n_epochs", "batch_size", "sizes"), [(3, 8, [8]), (2, 3, [3, 3, 2]), (1, 100, [8])])
def test_minibatches_are_of_whole_episodes_and_leave_none_out(n_epochs: int, batch_size: int, sizes: list[int]) -> None:
    rollout, seen = locations_of_minibatches(make(n_epochs=n_epochs, batch_size=batch_size))
    assert [chosen.shape for chosen in seen] == [(T, size, 2) for size in sizes * n_epochs]
    everything = sorted(rollout.observations["location"].transpose(0, 1).flatten(1).tolist())
    for epoch in range(n_epochs):
        used = torch.cat(seen[epoch * len(sizes) : (epoch + 1) * len(sizes)], dim=1)
        assert sorted(used.transpose(0, 1).flatten(1).tolist()) == everything


def test_the_order_changes_from_epoch_to_epoch() -> None:
    _, seen = locations_of_minibatches(make(n_epochs=2, batch_size=N))
    assert not torch.equal(seen[0], seen[1])


def test_the_fraction_that_was_clipped_is_logged() -> None:
    agent = make(n_epochs=3, batch_size=N, learning_rate=0.02, clip_range=0.01)
    agent.learn(1)
    fractions = [metrics["clip_fraction"].item() for metrics in agent.metrics.losses]
    assert fractions[0] == 0
    assert 0 < fractions[1] <= 1
