"""REINFORCE: each location is credited with all reward that came after it, less the baseline."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from agents import REINFORCE, LossWeights
from agents.algorithms.rollout import Rollout

T, N = 4, 8
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}


def updated(reward: str = "hard", weights: LossWeights | None = None) -> tuple[REINFORCE, Rollout]:
    """An agent after one update that left its weights alone, with the gradients in them, and what it learnt from."""
    env: Any = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=T)
    agent = REINFORCE(
        env,
        policy_kwargs=SIZES,
        seed=0,
        device="cpu",
        num_envs=N,
        learning_rate=0.0,
        max_grad_norm=1e9,
        location_std=0.2,
        loss_weights=weights or LossWeights(policy=1.0),
    )
    collect, played = agent._collect, []
    agent._collect = lambda: played.append(collect()) or played[-1]  # type: ignore[func-returns-value,method-assign]
    agent.learn(1)
    return agent, played[0]


def bias_gradient(rollout: Rollout, advantage: Tensor) -> Tensor:
    """What the policy gradient does to the bias of the location network, written out."""
    gradient = torch.zeros(2)
    for step in range(T - 1):
        for copy in range(N):
            mean = rollout.means[step, copy].detach()
            logit = (rollout.locations[step, copy] - mean) / 0.2**2 * (1 - mean**2)
            gradient -= logit * advantage[step, copy] / N
    return gradient


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime"])
def test_locations_are_paid_by_the_return_less_the_baseline(reward: str) -> None:
    agent, rollout = updated(reward)
    values = agent.policy.value(rollout.hidden).detach()
    advantage = torch.zeros(T - 1, N)
    for step in range(T - 1):
        for later in range(step + 1, T):
            advantage[step] += rollout.rewards[later]
        advantage[step] -= values[step]
    bias = agent.policy.location_network.linear.bias
    assert bias.grad is not None
    torch.testing.assert_close(bias.grad, bias_gradient(rollout, advantage), rtol=1e-4, atol=1e-5)


def test_the_first_reward_pays_for_nothing() -> None:
    # Under the entropy reward it is not 0, and was earned before the agent chose a location.
    _, rollout = updated("entropy")
    assert rollout.rewards[0].any()


def test_the_baseline_learns_the_return() -> None:
    agent, rollout = updated("entropy")
    hidden = rollout.hidden[:-1].detach()
    returns = rollout.rewards[1:].flip(0).cumsum(0).flip(0)
    errors = agent.policy.value(hidden).detach() - returns
    bias = agent.policy.baseline.bias
    assert bias.grad is not None
    torch.testing.assert_close(bias.grad, 2 * errors.mean()[None], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("every_glimpse", [False, True])
def test_the_classifier_learns_the_label(every_glimpse: bool) -> None:
    agent, rollout = updated(weights=LossWeights(every_glimpse=every_glimpse))
    policy = agent.policy
    names = [name for name, _ in policy.named_parameters() if name.split(".")[0] in ("core", "glimpse_network")]
    hidden = policy.unroll(rollout.observations)
    judged = [policy.logits(one) for one in (hidden if every_glimpse else hidden[-1:])]
    loss = torch.stack([cross_entropy(logits, rollout.labels) for logits in judged]).mean()
    inner = dict(policy.named_parameters())
    expected = torch.autograd.grad(loss, [inner[name] for name in names])
    for name, gradient in zip(names, expected, strict=True):
        got = inner[name].grad
        assert got is not None
        torch.testing.assert_close(got, gradient, rtol=1e-4, atol=1e-6)


def gradients(**settings: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The gradients in an agent after its first round: those of the classification, and those of the other heads."""
    agent = REINFORCE("GlimpseDigits-v0", policy_kwargs=SIZES, seed=0, device="cpu", num_envs=N, **settings).learn(1)
    seeing, looking = ([weight.grad for weight in group] for group in agent.policy.parameter_groups())
    return seeing, looking  # type: ignore[return-value]


def test_long_gradients_are_scaled_down() -> None:
    for group in gradients(max_grad_norm=1e-3):
        norms = [gradient.norm() for gradient in group]
        assert torch.stack(norms).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_long_gradients_of_the_location_leave_those_of_the_classification_alone() -> None:
    settings: dict[str, Any] = {"location_std": 1e-4, "max_grad_norm": 10.0}
    seeing, looking = gradients(loss_weights=LossWeights(policy=1e3), **settings)
    assert torch.stack([gradient.norm() for gradient in looking]).norm().item() == pytest.approx(10, rel=1e-3)
    for gradient, alone in zip(seeing, gradients(loss_weights=LossWeights(policy=0.0), **settings)[0], strict=True):
        assert torch.equal(gradient, alone)
