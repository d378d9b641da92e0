"""REINFORCE and A2C: the advantages of locations by hand, the baseline, the classifier, the norm of the gradient."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from agents import A2C, REINFORCE, A2CSettings, Algorithm, LossWeights
from agents.algorithms.rollout import BehaviourPolicy, Rollout, collect

T, N, STD = 4, 8, 0.2
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}
REWARDS = ["hard", "entropy", "information", "anytime"]
LAMBDAS: list[tuple[type[Algorithm], dict[str, Any], float]] = [
    (REINFORCE, {}, 1.0),
    (A2C, {}, 0.0),
    (A2C, {"gae_lambda": 0.5}, 0.5),
    (A2C, {"gae_lambda": 1.0}, 1.0),
]
EVERY_LAMBDA = pytest.mark.parametrize(("algorithm", "settings", "gae_lambda"), LAMBDAS)


def make(
    algorithm: type[Algorithm], reward: str = "hard", steps: int = T, policy_weight: float = 1.0, **settings: Any
) -> Algorithm:
    """An agent whose weights stay as they are, so that its gradients are those of its first rollout."""
    env: Any = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=steps)
    return algorithm(
        env,
        policy_kwargs=SIZES,
        seed=0,
        device="cpu",
        num_envs=N,
        location_std=STD,
        **{
            "learning_rate": 0.0,
            "max_grad_norm": 1e9,
            "loss_weights": LossWeights(policy=policy_weight),
        }
        | settings,
    )


def trained(algorithm: type[Algorithm], **arguments: Any) -> tuple[Algorithm, Rollout]:
    """An agent after one iteration, with the gradients in its weights, and the episodes of that iteration."""
    agent = make(algorithm, **arguments).learn(1)
    same = make(algorithm, **arguments)
    observation, _ = same.env.reset(seed=same.spec.seed, options={"episode": 0})
    same.policy.location_std.fill_(STD)
    return agent, collect(BehaviourPolicy(same.policy, same.generator), same.env, observation)


def credited(agent: Algorithm, rollout: Rollout, gae_lambda: float) -> Tensor:
    """Advantages by their definition: the sum over k of lambda^k delta_{t+k}."""
    values = agent.policy.value(rollout.hidden).detach()
    deltas = torch.zeros(T - 1, N)
    for step in range(T - 1):
        # The last location is paid nothing, so nothing is expected of it.
        after = values[step + 1] if step + 1 < T - 1 else 0.0
        deltas[step] = rollout.rewards[step + 1] + after - values[step]
    result = torch.zeros(T - 1, N)
    for step in range(T - 1):
        for later in range(step, T - 1):
            result[step] += gae_lambda ** (later - step) * deltas[later]
    return result


@EVERY_LAMBDA
@pytest.mark.parametrize("reward", REWARDS)
def test_the_policy_gradient_is_the_score_function_times_the_advantage(
    algorithm: type[Algorithm], settings: dict[str, Any], gae_lambda: float, reward: str
) -> None:
    agent, rollout = trained(algorithm, reward=reward, **settings)
    advantage = credited(agent, rollout, gae_lambda)
    means = rollout.means[:-1].detach()
    # Of a Gaussian, the gradient of the log-density by its mean is the deviation over the variance; and of tanh.
    score = (rollout.locations[:-1] - means) / STD**2 * (1 - means**2)
    bias = agent.policy.location_network.linear.bias
    assert bias.grad is not None
    torch.testing.assert_close(bias.grad, -(score * advantage[..., None]).sum(0).mean(0), rtol=1e-4, atol=1e-5)


@EVERY_LAMBDA
def test_the_baseline_is_drawn_towards_the_value_plus_the_advantage(
    algorithm: type[Algorithm], settings: dict[str, Any], gae_lambda: float
) -> None:
    agent, rollout = trained(algorithm, reward="entropy", **settings)
    bias = agent.policy.baseline.bias
    assert bias.grad is not None
    expected = -2 * credited(agent, rollout, gae_lambda).mean()
    torch.testing.assert_close(bias.grad, expected[None], rtol=1e-4, atol=1e-6)


def test_the_first_reward_is_not_0_and_yet_pays_for_nothing() -> None:
    _, rollout = trained(REINFORCE, reward="entropy")
    assert rollout.rewards[0].any(), "or the tests above would not notice that it counted"


@pytest.mark.parametrize("every_glimpse", [False, True])
def test_the_classifier_learns_the_label(every_glimpse: bool) -> None:
    agent, rollout = trained(REINFORCE, loss_weights=LossWeights(every_glimpse=every_glimpse))
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


def gradients(agent: Algorithm) -> dict[str, Tensor]:
    return {name: weight.grad for name, weight in agent.policy.named_parameters() if weight.grad is not None}


def assert_same_gradients(one: Algorithm, other: Algorithm) -> None:
    expected = gradients(other)
    for name, gradient in gradients(one).items():
        assert torch.equal(gradient, expected[name]), name


def test_a2c_with_lambda_1_is_reinforce() -> None:
    assert_same_gradients(make(A2C, gae_lambda=1.0).learn(1), make(REINFORCE).learn(1))


def test_with_a_single_location_a2c_is_reinforce_whatever_lambda_is() -> None:
    assert_same_gradients(make(A2C, steps=2).learn(1), make(REINFORCE, steps=2).learn(1))


def test_lambda_changes_the_heads_alone() -> None:
    one, other = (gradients(make(algorithm).learn(1)) for algorithm in (A2C, REINFORCE))
    for name in one:
        differs = name.split(".")[0] in ("location_network", "baseline")
        assert torch.equal(one[name], other[name]) is not differs, name


def test_the_one_step_a2c_is_the_default_and_reinforce_has_no_lambda() -> None:
    assert A2CSettings().gae_lambda == 0
    with pytest.raises(ValueError, match="Unknown setting 'gae_lambda'"):
        make(REINFORCE, gae_lambda=0.5)
    with pytest.raises(ValueError, match=r"expected gae_lambda in \[0, 1\], got 1.5"):
        make(A2C, gae_lambda=1.5)


def grouped(agent: Algorithm) -> list[list[Tensor]]:
    """The gradients of the glimpse network, core and classifier, and those of the location network and baseline."""
    return [[weight.grad for weight in group if weight.grad is not None] for group in agent.policy.parameter_groups()]


def test_long_gradients_are_scaled_down() -> None:
    for group in grouped(make(REINFORCE, max_grad_norm=1e-3).learn(1)):
        norms = [gradient.norm() for gradient in group]
        assert torch.stack(norms).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_long_gradients_of_the_location_leave_those_of_the_classification_alone() -> None:
    seeing, looking = grouped(make(REINFORCE, policy_weight=1e9, max_grad_norm=10.0).learn(1))
    assert torch.stack([gradient.norm() for gradient in looking]).norm().item() == pytest.approx(10, rel=1e-3)
    alone, _ = grouped(make(REINFORCE, policy_weight=0.0, max_grad_norm=10.0).learn(1))
    for gradient, expected in zip(seeing, alone, strict=True):
        assert torch.equal(gradient, expected)
