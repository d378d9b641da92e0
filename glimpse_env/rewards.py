"""What an action earns, as pure functions on batches of logits.

`p` is the belief, the softmax of an action's logits, and `y` the label. The shaped rewards add to the `hard`
reward a difference of potentials. Where it is that since the action before, their sum over an episode telescopes and
the best way to answer stays the best (Ng, Harada and Russell, "Policy Invariance Under Reward Transformations", 1999).
Before the first action the belief is uniform, and both potentials are `-log C` for `C` classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Potential = Callable[[Tensor, Tensor], Tensor]
"""Maps logits `(N, C)` and labels `(N,)` to potentials `(N,)`, in nats."""


def hard_reward(logits: Tensor, labels: Tensor) -> Tensor:
    """Pays 1 where the most believed class is the label, else 0 (Mnih et al. 2014, section 3.2).

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


def certainty(logits: Tensor, labels: Tensor) -> Tensor:
    """The potential of the entropy-shaped reward: minus the entropy of the belief, right or wrong.

    Args:
        logits: Logits, `(N, C)`.
        labels: Not used; every potential has the same arguments.

    Returns:
        `(N,)` in [-log C, 0].
    """
    shifted, weights, total = _softmax_parts(logits)
    return torch.linalg.vecdot(weights, shifted) / total - total.log()


def label_log_probability(logits: Tensor, labels: Tensor) -> Tensor:
    """The potential of the information-gain and anytime rewards: `log p(y)`, which only the right class can raise.

    Args:
        logits: Logits, `(N, C)`.
        labels: True classes, `(N,)` int64.

    Returns:
        `(N,)`, at most 0.
    """
    shifted, _, total = _softmax_parts(logits)
    return shifted.gather(-1, labels[:, None]).squeeze(-1) - total.log()


def first_potential(count: int, num_classes: int, device: torch.device) -> Tensor:
    """The potential of the uniform belief before the first action: `-log C` for each of `count` episodes."""
    return torch.full((count,), -math.log(num_classes), device=device)


def shaping(potential: Tensor, previous: Tensor, weight: float) -> Tensor:
    """What is paid for the way from an earlier belief to this one, `weight * (potential - previous)`, `(N,)`."""
    return (potential - previous).mul_(weight)


def _softmax_parts(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Scores less their maximum, the exponentials of that, and their sum, of which softmax is made.

    For few classes this is twice as fast as torch's `log_softmax`. A batch gets the same bits as its rows one by one,
    so a copy in a vector environment is paid exactly what a single environment pays.
    """
    shifted = logits - logits.amax(-1, keepdim=True)
    weights = shifted.exp()
    return shifted, weights, weights.sum(-1)
