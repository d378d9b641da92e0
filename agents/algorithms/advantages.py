"""Advantages: how much better a location was than the baseline expected.

The reward r_t of action t judges the belief in action t, which was formed before anybody looked at location t. So
location t is paid by the later rewards, r_{t+1}, ..., r_T. Nobody looks at location T, so it is not paid.
With v_t the baseline's estimate of r_{t+1} + ... + r_T, v_T = 0, and gamma = 1,

    delta_t = r_{t+1} + v_{t+1} - v_t                       (the temporal difference)
    A_t     = sum over k >= 0 of lambda^k delta_{t+k}       (generalised advantage estimation, Schulman et al. 2016)

for t = 1, ..., T - 1. With lambda = 1 the sum telescopes: A_t = r_{t+1} + ... + r_T - v_t.

Where K outcomes x_1, ..., x_K of one situation are known, none needs a learnt baseline: the mean of the others is one
(leave one out; Kool, van Hoof and Welling 2019),

    A_k = x_k - (sum over j != k of x_j) / (K - 1)

The outcomes are either locations that were tried from one hidden state, or several episodes of one image, with the
lambda-returns v_t + A_t as outcomes.
"""

from __future__ import annotations

import torch
from torch import Tensor


def leave_one_out(outcomes: Tensor) -> Tensor:
    """Each outcome less the mean of the others; the equation is that of this module.

    Args:
        outcomes: K outcomes of one situation, K >= 2, `(..., K)`.

    Returns:
        Their advantages, `(..., K)`, which add up to 0.

    Example:
        >>> leave_one_out(torch.tensor([1.0, 0.0, 0.5]))
        tensor([ 0.7500, -0.7500,  0.0000])
    """
    count = outcomes.shape[-1]
    return (outcomes - outcomes.mean(-1, keepdim=True)) * (count / (count - 1))


def advantages(rewards: Tensor, values: Tensor, gae_lambda: float) -> Tensor:
    """Generalised advantage estimates of the locations; the equations are those of this module.

    Args:
        rewards: Rewards r_1, ..., r_T of the actions, `(T, N)`.
        values: The baseline's estimates v_1, ..., v_{T-1}, `(T - 1, N)`.
        gae_lambda: lambda, in [0, 1]. 1 gives the return less the baseline, 0 the one-step temporal difference.

    Returns:
        A_1, ..., A_{T-1}, `(T - 1, N)`.

    Example:
        >>> rewards = torch.tensor([[0.0], [0.5], [1.0]])
        >>> values = torch.tensor([[0.25], [0.5]])
        >>> advantages(rewards, values, gae_lambda=1.0).flatten(), advantages(rewards, values, gae_lambda=0.0).flatten()
        (tensor([1.2500, 0.5000]), tensor([0.7500, 0.5000]))
    """
    advantage = torch.zeros_like(rewards[0])
    estimates = []
    next_value = torch.zeros_like(rewards[0])
    for reward, value in zip(reversed(rewards[1:]), reversed(values), strict=True):
        advantage = reward + next_value - value + gae_lambda * advantage
        estimates.append(advantage)
        next_value = value
    return torch.stack(estimates[::-1]) if estimates else values


def returns_and_advantages(
    rewards: Tensor, values: Tensor, gae_lambda: float, episodes_per_image: int = 1
) -> tuple[Tensor, Tensor]:
    """The lambda-returns, which the baseline learns, and how much better they are than expected.

    Args:
        rewards: Rewards of the actions, `(T, N)`.
        values: The baseline's estimates, `(T - 1, N)`.
        gae_lambda: lambda, in [0, 1].
        episodes_per_image: How many sub-environments in a row play the same image. If several, the advantages compare
            their lambda-returns with each other instead of with the baseline.

    Returns:
        Returns v_t + A_t and advantages, both `(T - 1, N)`.
    """
    advantage = advantages(rewards, values, gae_lambda)
    returns = values + advantage
    if episodes_per_image > 1:
        advantage = leave_one_out(returns.unflatten(1, (-1, episodes_per_image))).flatten(1)
    return returns, advantage
