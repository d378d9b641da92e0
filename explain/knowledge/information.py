"""What an agent knew after each glimpse, in nats, as pure functions on beliefs.

A belief is a probability for each of `C` classes. Every function keeps the leading dimensions of its arguments, usually
images and glimpses, `(N, T)`: averages, and how sure one can be of them, are `explain.intervals`' business.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def entropy(beliefs: Tensor) -> Tensor:
    """How uncertain a belief is, `H = -sum p log p` (Shannon 1948).

    Args:
        beliefs: `(..., C)`, each summing to 1.

    Returns:
        `(...)` in [0, log C], in nats.

    Example:
        >>> entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
        tensor([0.6931, 0.0000])
    """
    return torch.special.entr(beliefs).sum(-1)


def information_gain(beliefs: Tensor) -> Tensor:
    """How much less uncertain a belief is than knowing nothing, `log C - H`.

    Args:
        beliefs: `(..., C)`, each summing to 1.

    Returns:
        `(...)` in [0, log C], in nats.
    """
    return math.log(beliefs.shape[-1]) - entropy(beliefs)


def gain_since_first(beliefs: Tensor) -> Tensor:
    """How much less uncertain a belief is than the one after the first glimpse, `H_1 - H_t`.

    Args:
        beliefs: `(N, T, C)`, each summing to 1.

    Returns:
        `(N, T)` in nats; negative where the agent has become less certain.
    """
    uncertainty = entropy(beliefs)
    return uncertainty[:, :1] - uncertainty


def label_information(beliefs: Tensor, labels: Tensor) -> Tensor:
    """What a belief is worth if the label is `y`: `log C + log p(y)`.

    Its mean over images is `log C` less the cross-entropy, a lower bound on the mutual information between the label
    and what the belief was formed from (Barber and Agakov 2003). Being confidently wrong lowers it; where it is less
    than the information gain, the difference is false certainty.

    Args:
        beliefs: `(N, T, C)`, each summing to 1.
        labels: `(N,)` int64.

    Returns:
        `(N, T)`, at most log C; minus infinity where the label was ruled out.

    Example:
        >>> label_information(torch.tensor([[[0.5, 0.5], [1.0, 0.0]]]), torch.tensor([0]))
        tensor([[0.0000, 0.6931]])
    """
    believed = beliefs.gather(-1, labels[:, None, None].expand(-1, beliefs.shape[1], 1)).squeeze(-1)
    return math.log(beliefs.shape[-1]) + believed.log()


def is_correct(beliefs: Tensor, labels: Tensor) -> Tensor:
    """Whether the most believed class is the label, `(N, T)` bool, for beliefs `(N, T, C)` and labels `(N,)`."""
    return beliefs.argmax(-1) == labels[:, None]


def calibration_gaps(beliefs: Tensor, labels: Tensor, num_bins: int = 15) -> Tensor:
    """How much confidence exceeds correctness, sorted into bins of equal width by confidence (Guo et al. 2017).

    The sum over images, divided by their number, is each bin's share of the calibration error: see
    `expected_calibration_error`.

    Args:
        beliefs: `(N, T, C)`, each summing to 1.
        labels: `(N,)` int64.
        num_bins: Number of bins that [0, 1] is divided into.

    Returns:
        `(N, T, num_bins)`: confidence less correctness in the image's bin, 0 in all others.
    """
    confidence = beliefs.amax(-1)
    bins = (confidence * num_bins).long().clamp(max=num_bins - 1)
    gap = confidence - is_correct(beliefs, labels).to(confidence.dtype)
    return torch.zeros(*gap.shape, num_bins, dtype=gap.dtype).scatter(-1, bins[..., None], gap[..., None])


def expected_calibration_error(mean_gaps: Tensor) -> Tensor:
    """How far confidence and accuracy are apart on average, in [0, 1].

    Args:
        mean_gaps: Mean of `calibration_gaps` over images, `(..., num_bins)`.

    Returns:
        `(...)`.
    """
    return mean_gaps.abs().sum(-1)


def kl_divergence(beliefs: Tensor, others: Tensor) -> Tensor:
    """What is lost by holding `others` when `beliefs` is right, `sum p log(p / q)`.

    Computed in double precision and as `sum p log(p / q) - p + q`, which is the same where both sum to 1: then no class
    adds more than it must, and the rounding of a probability near 1 does not hide what the others tell.

    Args:
        beliefs: p, `(..., C)`, each summing to 1.
        others: q, `(..., C)`, each summing to 1.

    Returns:
        `(...)`, at least 0, in nats; infinite where q rules out what p does not.
    """
    p, q = beliefs.double(), others.double()
    return (torch.xlogy(p, p) - torch.xlogy(p, q) - p + q).sum(-1).clamp(min=0).to(beliefs.dtype)
