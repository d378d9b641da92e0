"""REINFORCE and A2C: gradients by hand, and the lambda that tells them apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from agents import A2C, REINFORCE, Algorithm, LossWeights
from agents.algorithms.rollout import Rollout
from tests.agents.making import (
    EVERY_REWARD,
    ID,
    assert_same_weights,
    first_rollout,
    gradients,
    make_agent,
    training_state,
)

T, N = 4, 8
STD = 0.2


def make(algorithm: type[Algorithm], reward: str = "hard", num_glimpses: int = T, **changes: Any) -> Any:
    """An agent whose weights stay as they are, so that each step leaves nothing but its gradient."""
    settings: dict[str, Any] = {
        "num_envs": N,
        "learning_rate": 0.0,
        "max_grad_norm": 1e9,
        "location_std": STD,
        "loss_weights": LossWeights(policy=1.0),
    } | changes
    return make_agent(algorithm, gym.make(ID, reward=reward, num_glimpses=num_glimpses), **settings)


def trained_once(algorithm: type[Algorithm], *make_args: Any, **changes: Any) -> tuple[Any, Rollout]:
    """An agent with the gradient of its first step, and the rollout that the gradient comes from."""
    agent = make(algorithm, *make_args, **changes)
    rollout = first_rollout(agent)
    agent.train(rollout)
    return agent, rollout


def location_gradient(rollout: Rollout, advantage: Tensor) -> Tensor:
    """The gradient of the policy part of the loss by the bias of the location network, written out."""
    gradient = torch.zeros(2)
    for step in range(len(advantage)):
        for env in range(N):
            mean = rollout.means[step, env].detach()  # the tanh of a sum that the bias is part of
            score = (rollout.locations[step, env] - mean) / STD**2 * (1 - mean**2)
            gradient -= score * advantage[step, env] / N
    return gradient


def expected_advantage(agent: Any, rollout: Rollout, gae_lambda: float) -> Tensor:
    """Advantages by their definition: the return (lambda 1) or one reward and the next value (lambda 0)."""
    values = agent.policy.value(rollout.hidden).detach()
    advantage = torch.zeros(T - 1, N)
    for step in range(T - 1):
        if gae_lambda == 1:
            advantage[step] = rollout.rewards[step + 1 :].sum(0) - values[step]
        else:
            # Nobody looks at the last location, so no reward is expected after it.
            next_value = values[step + 1] if step + 1 < T - 1 else 0.0
            advantage[step] = rollout.rewards[step + 1] + next_value - values[step]
    return advantage


CASES = pytest.mark.parametrize(
    ("algorithm", "settings", "gae_lambda"),
    [(REINFORCE, {}, 1), (A2C, {}, 0), (A2C, {"gae_lambda": 0.0}, 0), (A2C, {"gae_lambda": 1.0}, 1)],
)


@CASES
@EVERY_REWARD
def test_locations_are_credited_with_the_advantage(
    algorithm: type[Algorithm], settings: dict[str, Any], gae_lambda: float, reward: str
) -> None:
    agent, rollout = trained_once(algorithm, reward, **settings)
    expected = location_gradient(rollout, expected_advantage(agent, rollout, gae_lambda))
    gradient = gradients(agent)["location_network.linear.bias"]
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5)


@CASES
@EVERY_REWARD
def test_the_baseline_learns_the_advantage(
    algorithm: type[Algorithm], settings: dict[str, Any], gae_lambda: float, reward: str
) -> None:
    agent, rollout = trained_once(algorithm, reward, **settings)
    expected = -2 * expected_advantage(agent, rollout, gae_lambda).mean()
    torch.testing.assert_close(gradients(agent)["baseline.bias"], expected[None], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("algorithm", "settings", "advantage"),
    [
        (REINFORCE, {}, [1.0, 0.5, 0.75]),
        (A2C, {"gae_lambda": 1.0}, [1.0, 0.5, 0.75]),
        (A2C, {"gae_lambda": 0.5}, [0.5625, 0.125, 0.75]),
        (A2C, {"gae_lambda": 0.0}, [0.5, -0.25, 0.75]),
    ],
)
def test_advantages_by_hand(algorithm: type[Algorithm], settings: dict[str, Any], advantage: list[float]) -> None:
    """A baseline of 1/4 everywhere; rewards 7, 1/2, -1/4 and 1, of which the first is of no location's making."""
    agent = make(algorithm, **settings)
    with torch.no_grad():
        agent.policy.baseline.weight.zero_()
        agent.policy.baseline.bias.fill_(0.25)
    rollout = replace(first_rollout(agent), rewards=torch.tensor([7, 0.5, -0.25, 1])[:, None].expand(T, N))
    agent.train(rollout)
    by_hand = torch.tensor(advantage)
    expected = location_gradient(rollout, by_hand[:, None].expand(T - 1, N))
    torch.testing.assert_close(gradients(agent)["location_network.linear.bias"], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradients(agent)["baseline.bias"], -2 * by_hand.mean()[None])


def test_the_first_reward_credits_no_location() -> None:
    agent, rollout = trained_once(REINFORCE, "entropy")
    before = gradients(agent)["location_network.linear.bias"]
    assert rollout.rewards[0].any()
    other = make(REINFORCE, "entropy")
    rollout = first_rollout(other)
    rollout.rewards[0] = 100.0
    other.train(rollout)
    assert torch.equal(gradients(other)["location_network.linear.bias"], before)


def test_learn_collects_and_trains() -> None:
    by_hand, _ = trained_once(REINFORCE)
    learnt = make(REINFORCE).learn(1)
    for name, gradient in gradients(by_hand).items():
        assert torch.equal(gradient, gradients(learnt)[name]), name


def test_a2c_with_lambda_1_is_reinforce_bit_for_bit() -> None:
    one, other = make(REINFORCE, learning_rate=0.01), make(A2C, learning_rate=0.01, gae_lambda=1.0)
    for agent in (one, other):
        agent.learn(3 * T * N)
    assert_same_weights(training_state(one), training_state(other))


def test_a2c_with_one_location_is_reinforce() -> None:
    one, other = (gradients(trained_once(algorithm, num_glimpses=2)[0]) for algorithm in (A2C, REINFORCE))
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def test_a2c_with_more_locations_differs_from_reinforce_in_the_heads_that_rewards_train() -> None:
    one, other = (gradients(trained_once(algorithm)[0]) for algorithm in (A2C, REINFORCE))
    for name in one:
        differs = name.split(".")[0] in ("location_network", "baseline")
        assert torch.equal(one[name], other[name]) is not differs, name


@pytest.mark.parametrize("every_glimpse", [False, True])
def test_the_classifier_learns_the_label(every_glimpse: bool) -> None:
    agent, rollout = trained_once(REINFORCE, loss_weights=LossWeights(every_glimpse=every_glimpse))
    policy = agent.policy
    hidden = policy.unroll(rollout.observations)
    judged = [policy.logits(one) for one in (hidden if every_glimpse else hidden[-1:])]
    loss = torch.stack([cross_entropy(logits, rollout.labels) for logits in judged]).mean()
    inner = {
        name: weight
        for name, weight in policy.named_parameters()
        if name.split(".")[0] in ("core", "glimpse_network", "classifier")
    }
    for name, expected in zip(inner, torch.autograd.grad(loss, list(inner.values())), strict=True):
        torch.testing.assert_close(gradients(agent)[name], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("algorithm", [REINFORCE, A2C])
def test_a_demonstration_path_is_made_likely_whatever_it_earned(algorithm: type[Algorithm]) -> None:
    agent = make(algorithm, "entropy", demonstration_path=((0.5, 0.5),), warmup_fraction=1.0)
    rollout = first_rollout(agent)
    assert rollout.cloning
    agent.train(rollout)
    expected = location_gradient(rollout, torch.ones(T - 1, N))
    torch.testing.assert_close(gradients(agent)["location_network.linear.bias"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("algorithm", [REINFORCE, A2C])
def test_one_step_of_the_optimizer_per_iteration(algorithm: type[Algorithm]) -> None:
    agent = make(algorithm).learn(3 * T * N)
    steps = {int(moments["step"]) for moments in agent.optimizer.state_dict()["state"].values()}
    assert steps == {3}


def parts_of_gradient(**settings: Any) -> tuple[list[Tensor], list[Tensor]]:
    """The gradients of the first step: those of the classification, and those of the two other heads."""
    agent = make(REINFORCE, **settings).learn(1)
    seeing, looking = ([weight.grad for weight in group] for group in agent.policy.parameter_groups())
    return seeing, looking


def test_long_gradients_are_scaled_down() -> None:
    for group in parts_of_gradient(max_grad_norm=1e-3):
        norms = [gradient.norm() for gradient in group]
        assert torch.stack(norms).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_long_gradients_of_the_location_leave_those_of_the_classification_alone() -> None:
    settings: dict[str, Any] = {"location_std": 1e-4, "max_grad_norm": 10.0}
    seeing, looking = parts_of_gradient(loss_weights=LossWeights(policy=1e3), **settings)
    assert torch.stack([gradient.norm() for gradient in looking]).norm().item() == pytest.approx(10, rel=1e-3)
    undisturbed, _ = parts_of_gradient(loss_weights=LossWeights(policy=0.0), **settings)
    for gradient, alone in zip(seeing, undisturbed, strict=True):
        assert torch.equal(gradient, alone)
