"""Reward functions: what the beliefs of an episode earn.

`p_t` is the belief in action t, the softmax of its logits, `y` the label, C the number of classes and T the number of
glimpses. Every reward function pays the *hard* reward, 1 for a correct answer, and all but that one add a shaping term:

    r_t = [t = T and argmax p_T = y] + weight * (potential(p_t, y) - previous potential)

The previous potential is that of the belief before, so that the shaping terms of an episode telescope and the best
answer stays the best (Ng, Harada and Russell, "Policy Invariance Under Reward Transformations", 1999), or else, with
`since_uniform`, that of the uniform belief. The uniform belief comes before the first action, and both potentials of it
are -log C.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from glimpse_env.utils.errors import shown

Potential = Callable[[Tensor, Tensor], Tensor]
"""Maps logits `(N, C)` and labels `(N,)` to potentials `(N,)`, in nats."""

DEFAULT_WEIGHT = 0.5
MAX_WEIGHT = 1e6
"""Beyond it the hard reward of 1 is lost in the rounding of float32, and far beyond it rewards are infinite."""


def hard_reward(logits: Tensor, labels: Tensor) -> Tensor:
    """Pays 1 where the most probable class is the label, else 0 (Mnih et al. 2014, section 3.2).

    Args:
        logits: Logits of the last action, `(N, C)`.
        labels: True classes, `(N,)` int64.

    Returns:
        `(N,)` float32.

    Example:
        >>> hard_reward(torch.tensor([[0.0, 2.0], [0.0, 2.0]]), torch.tensor([1, 0]))
        tensor([1., 0.])
    """
    return (logits.argmax(-1) == labels).float()


def negative_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Computes `sum_c p(c) log p(c)`, the potential of the `entropy` reward: how certain the belief is.

    Args:
        logits: Logits, `(N, C)`.
        labels: Ignored; all potentials take the same arguments.

    Returns:
        `(N,)` in [-log C, 0].
    """
    shifted, weights, total = _softmax_parts(logits)
    return torch.linalg.vecdot(weights, shifted).div_(total).sub_(total.log())


def label_log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    """Computes `log p(y)`, the potential of the `information` and `anytime` rewards.

    Args:
        logits: Logits, `(N, C)`.
        labels: True classes, `(N,)` int64.

    Returns:
        `(N,)`, at most 0.
    """
    shifted, _, total = _softmax_parts(logits)
    return shifted.gather(-1, labels.unsqueeze(-1)).squeeze(-1).sub_(total.log())


def initial_potential(num_envs: int, num_classes: int, device: torch.device | str = "cpu") -> Tensor:
    """The potential of the uniform belief before the first action, -log C, `(num_envs,)` float32."""
    return torch.full((num_envs,), -math.log(num_classes), dtype=torch.float32, device=device)


def _softmax_parts(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The logits less their maximum, the exponentials of that, and their sum: softmax is the second over the third.

    For few classes this takes half the time of torch's `log_softmax`. A batch gets the same bits as its rows one by
    one, so that single and vector environments pay exactly the same.
    """
    shifted = logits - logits.amax(-1, True)
    weights = shifted.exp()
    return shifted, weights, weights.sum(-1)


def read_weight(weight: Any) -> float:
    """Returns the weight of a reward as a float.

    Raises:
        TypeError: It is no number.
        ValueError: It is not in [-1e6, 1e6].
    """
    expected = f"expected the reward's weight to be a number in [{-MAX_WEIGHT:.0f}, {MAX_WEIGHT:.0f}]"
    number: Any = weight
    if not isinstance(weight, Real) or isinstance(weight, bool):
        raise TypeError(f"{expected}, got {shown(weight)}")
    if not -MAX_WEIGHT <= number <= MAX_WEIGHT:
        raise ValueError(f"{expected}, got {shown(weight)}")
    return float(number)


@dataclass(frozen=True)
class RewardFunction:
    """What every action of an episode earns; the equation is at the top of the module.

    It holds no state, so that it can be called for hypothetical beliefs too.

    Attributes:
        potential: Potential of the shaping term, or None for the hard reward alone.
        weight: Reward for a nat.
        since_uniform: Whether the shaping term is measured from the uniform belief, not from the belief before.

    Raises:
        TypeError: `weight` is no number.
        ValueError: `weight` is not in [-1e6, 1e6].

    Example:
        >>> reward = RewardFunction(negative_entropy, weight=1.0)
        >>> logits, labels = torch.tensor([[-20.0, 20.0]]), torch.tensor([1])
        >>> payments, _ = reward(logits, labels, initial_potential(1, 2), ended=True)
        >>> payments  # 1 + log 2
        tensor([1.6931])
    """

    potential: Potential | None = None
    weight: float = DEFAULT_WEIGHT
    since_uniform: bool = False
    # Torch multiplies by a tensor without dimensions in half the time that a Python number takes. One on the CPU goes
    # with tensors on any device.
    _weight: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", read_weight(self.weight))
        object.__setattr__(self, "_weight", torch.tensor(self.weight, dtype=torch.float64, device="cpu"))

    @property
    def depends_on_belief(self) -> bool:
        """Whether it pays for the whole belief, not only for the most probable class."""
        return self.potential is not None

    def __call__(
        self, logits: Tensor, labels: Tensor, previous: Tensor, *, ended: bool | Tensor
    ) -> tuple[Tensor | None, Tensor]:
        """Pays for one action of every episode.

        Args:
            logits: The logits of the actions, `(N, C)`.
            labels: The labels of the episodes, `(N,)` int64.
            previous: The potentials that this function returned for the actions before, `(N,)`; for the first action
                `initial_potential`.
            ended: Whether the actions are the last of their episodes, or which of them are, `(N,)` bool.

        Returns:
            The payments, `(N,)` float32, or None where nothing is paid, and the potentials for the next call, `(N,)`.
        """
        hard = None if ended is False else hard_reward(logits, labels)
        if hard is not None and ended is not True:
            hard = hard * ended
        if self.potential is None:
            return hard, previous
        potential = self.potential(logits, labels)
        payments = (potential - previous).mul_(self._weight)
        if hard is not None:
            payments += hard
        return payments, previous if self.since_uniform else potential


REWARDS: dict[str, RewardFunction] = {
    "hard": RewardFunction(),
    "entropy": RewardFunction(negative_entropy),
    "information": RewardFunction(label_log_probability),
    "anytime": RewardFunction(label_log_probability, since_uniform=True),
}
"""The reward functions by name, each with the default weight."""
