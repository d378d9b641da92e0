"""Advantages: by hand, against the definition written slowly, and at both ends of lambda."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.algorithms.advantages import advantages, leave_one_out, returns_and_advantages


def column(*numbers: float) -> Tensor:
    return torch.tensor(numbers)[:, None]


def draw(steps: int, num_envs: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rewards = torch.randn(steps, num_envs, generator=generator, dtype=torch.float64)
    return rewards, torch.randn(steps - 1, num_envs, generator=generator, dtype=torch.float64)


def slowly(rewards: Tensor, values: Tensor, gae_lambda: float) -> Tensor:
    """The sum over k of lambda^k delta_{t+k}, as in Schulman et al. 2016, equation 16, with gamma 1."""
    steps, num_envs = values.shape
    result = torch.zeros_like(values)
    for env in range(num_envs):
        deltas = []
        for step in range(steps):
            after = values[step + 1, env] if step + 1 < steps else 0.0
            # What location t is paid first is the reward of action t + 1.
            deltas.append(rewards[step + 1, env] + after - values[step, env])
        for step in range(steps):
            result[step, env] = sum(gae_lambda**k * delta for k, delta in enumerate(deltas[step:]))
    return result


REWARDS, VALUES = column(7.0, 0.5, -0.25, 1.0), column(0.5, 0.25, 0.75)


def test_by_hand_with_all_the_reward_to_come() -> None:
    # Returns 1.25, 0.75 and 1.0; the reward of the first action was earned before any location was chosen.
    assert advantages(REWARDS, VALUES, 1.0).flatten().tolist() == [0.75, 0.5, 0.25]


def test_by_hand_with_one_step_temporal_differences() -> None:
    assert advantages(REWARDS, VALUES, 0.0).flatten().tolist() == [0.25, 0.25, 0.25]


def test_by_hand_in_between() -> None:
    assert advantages(REWARDS, VALUES, 0.5).flatten().tolist() == [0.4375, 0.375, 0.25]


def test_the_hard_reward_credits_every_location_with_the_answer() -> None:
    rewards = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    values = torch.full((2, 2), 0.5)
    assert advantages(rewards, values, 1.0).tolist() == [[0.5, -0.5], [0.5, -0.5]]
    assert advantages(rewards, values, 0.0).tolist() == [[0.0, 0.0], [0.5, -0.5]]


@given(steps=st.integers(2, 8), num_envs=st.integers(1, 4), gae_lambda=st.floats(0, 1), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=50)
def test_it_is_the_definition(steps: int, num_envs: int, gae_lambda: float, seed: int) -> None:
    rewards, values = draw(steps, num_envs, seed)
    torch.testing.assert_close(advantages(rewards, values, gae_lambda), slowly(rewards, values, gae_lambda))


@given(steps=st.integers(2, 8), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_lambda_1_is_the_return_less_the_baseline(steps: int, seed: int) -> None:
    rewards, values = draw(steps, 3, seed)
    returns = rewards[1:].flip(0).cumsum(0).flip(0)
    torch.testing.assert_close(advantages(rewards, values, 1.0), returns - values)


@given(steps=st.integers(2, 8), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_lambda_0_is_the_temporal_difference(steps: int, seed: int) -> None:
    rewards, values = draw(steps, 3, seed)
    after = torch.cat([values[1:], torch.zeros_like(values[:1])])
    torch.testing.assert_close(advantages(rewards, values, 0.0), rewards[1:] + after - values)


@given(gae_lambda=st.floats(0, 1), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_a_perfect_baseline_leaves_nothing(gae_lambda: float, seed: int) -> None:
    rewards, _ = draw(5, 3, seed)
    returns = rewards[1:].flip(0).cumsum(0).flip(0)
    torch.testing.assert_close(advantages(rewards, returns, gae_lambda), torch.zeros_like(returns))


@pytest.mark.parametrize("gae_lambda", [0.0, 0.5, 1.0])
def test_a_single_glimpse_has_no_locations_to_pay(gae_lambda: float) -> None:
    assert advantages(torch.ones(1, 3), torch.empty(0, 3), gae_lambda).shape == (0, 3)


def test_values_that_do_not_fit_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"zip\(\)"):
        advantages(torch.ones(4, 2), torch.ones(4, 2), 1.0)


def test_leaving_one_out_by_hand() -> None:
    # The others' means are 0.5, 1.0 and 1.5.
    assert leave_one_out(torch.tensor([[2.0, 1.0, 0.0]])).tolist() == [[1.5, 0.0, -1.5]]
    assert leave_one_out(torch.tensor([3.0, 1.0])).tolist() == [2.0, -2.0]


@given(count=st.integers(2, 6), seed=st.integers(0, 10**6))
@settings(deadline=None, max_examples=50)
def test_leaving_one_out_is_the_definition(count: int, seed: int) -> None:
    outcomes = torch.randn(3, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = torch.zeros_like(outcomes)
    for row, k in product(range(3), range(count)):
        others = [outcomes[row, j] for j in range(count) if j != k]
        expected[row, k] = outcomes[row, k] - sum(others) / len(others)
    torch.testing.assert_close(leave_one_out(outcomes), expected)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_two_locations_are_told_apart_with_the_variance_of_theory(count: int) -> None:
    """Every way in which `count` locations, left or right, can turn out.

    The mean of A_k times the score of location k is the sample covariance of outcome and score. Its mean is the policy
    gradient, their covariance, and with n samples its variance is, in central moments,

        mu_22 / n - (n - 2) / (n (n - 1)) mu_11^2 + mu_20 mu_02 / (n (n - 1))
    """
    pays = {-1.0: 0.2, 1.0: 0.7}  # the probability that a location on that side earns 1
    ways = [(side, earned, 0.5 * (pays[side] if earned else 1 - pays[side])) for side in pays for earned in (0.0, 1.0)]
    samples = list(product(ways, repeat=count))
    scores, outcomes, chances = (
        torch.tensor([[way[part] for way in sample] for sample in samples], dtype=torch.float64) for part in range(3)
    )
    probability = chances.prod(1)
    estimates = (leave_one_out(outcomes) * scores).mean(1)
    mean = (probability * estimates).sum()
    variance = (probability * (estimates - mean) ** 2).sum()

    score, outcome, chance = torch.tensor(ways, dtype=torch.float64).T
    outcome = outcome - (chance * outcome).sum()
    mu = {(i, j): (chance * outcome**i * score**j).sum() for i, j in ((1, 1), (2, 0), (0, 2), (2, 2))}
    torch.testing.assert_close(mean, mu[1, 1])
    pairs = count * (count - 1)
    theory = mu[2, 2] / count - (count - 2) / pairs * mu[1, 1] ** 2 + mu[2, 0] * mu[0, 2] / pairs
    torch.testing.assert_close(variance, theory)

    # One location against the best constant baseline, which is what REINFORCE can do at most.
    assert variance < (mu[2, 2] - mu[1, 1] ** 2) or count == 2


def test_episodes_of_one_image_are_compared_with_each_other() -> None:
    rewards = torch.tensor([[9.0, 9.0, 9.0, 9.0], [1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 1.0]])
    values = torch.full((2, 4), 0.25)
    returns, advantage = returns_and_advantages(rewards, values, 1.0, episodes_per_image=2)
    assert returns.tolist() == [[2.0, 1.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.0]]
    assert advantage.tolist() == [[1.0, -1.0, -1.0, 1.0], [0.0, 0.0, -1.0, 1.0]]


@pytest.mark.parametrize("gae_lambda", [0.0, 0.5, 1.0])
def test_one_episode_of_each_image_is_compared_with_the_baseline(gae_lambda: float) -> None:
    returns, advantage = returns_and_advantages(REWARDS, VALUES, gae_lambda)
    assert torch.equal(advantage, advantages(REWARDS, VALUES, gae_lambda))
    assert torch.equal(returns, VALUES + advantage)
