"""What a location was worth, as pure functions; the three algorithms differ in little more.

The reward of action t judges a belief that was formed before its location was looked at. So the location in action t is
paid by the rewards of the actions after it, and that of the last action, which nobody looks at, by none.
"""

from __future__ import annotations

import torch
from torch import Tensor


def advantages(rewards: Tensor, values: Tensor, gae_lambda: float) -> Tensor:
    """Generalised advantage estimates of the locations (Schulman et al. 2016), with gamma 1.

    With `gae_lambda=1` they are the sum of rewards to come less the baseline (REINFORCE), with `gae_lambda=0` the
    one-step temporal difference (A2C).

    Args:
        rewards: Rewards of the T actions, `(T, N)`.
        values: The baseline's estimates of what each location will be paid, `(T - 1, N)`.
        gae_lambda: In [0, 1].

    Returns:
        `(T - 1, N)`, for all locations but the last.

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
