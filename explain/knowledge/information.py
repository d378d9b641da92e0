"""What a belief tells, in nats, as pure functions.

A belief `p` gives a probability to each of `C` classes. Every function keeps the leading dimensions of its arguments,
usually images and glimpses, `(N, T)`; `explain.knowledge.intervals` averages over images.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def entropy(beliefs: Tensor) -> Tensor:
    """The entropy `H(p) = -sum_k p_k log p_k` (Shannon 1948): how uncertain a belief is.

    Unlike `torch.distributions`, it is exact for probabilities of 0.

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
    """The information gain `log C - H(p)`: the entropy of knowing nothing less that of the belief.

    Args:
        beliefs: `(..., C)`, each summing to 1.

    Returns:
        `(...)` in [0, log C], in nats.
    """
    return math.log(beliefs.shape[-1]) - entropy(beliefs)


def gain_since_first(beliefs: Tensor) -> Tensor:
    """The information gain over the first glimpse, `H(p_1) - H(p_t)`.

    Args:
        beliefs: `(N, T, C)`, each summing to 1.

    Returns:
        `(N, T)` in nats; negative where the agent has become less certain.
    """
    uncertainty = entropy(beliefs)
    return uncertainty[:, :1] - uncertainty


def label_information(beliefs: Tensor, labels: Tensor) -> Tensor:
    """The label information `log C + log p(y)`: the log score of a belief, relative to knowing nothing.

    Its mean over images is `log C` less the cross-entropy. Where classes are equally frequent, that is a lower bound on
    the mutual information between the label and the hidden state (Barber and Agakov 2003):

        I(y; h) = H(y) - H(y | h) >= H(y) + E[ log p(y | h) ]

    A confident error lowers it. The information gain less the label information is overconfidence.

    Args:
        beliefs: `(N, T, C)`, each summing to 1.
        labels: `(N,)` int64.

    Returns:
        `(N, T)` in nats, at most log C; minus infinity where the label has probability 0.

    Example:
        >>> label_information(torch.tensor([[[0.5, 0.5], [1.0, 0.0]]]), torch.tensor([0]))
        tensor([[0.0000, 0.6931]])
    """
    of_label = beliefs.gather(-1, labels[:, None, None].expand(-1, beliefs.shape[1], 1)).squeeze(-1)
    return math.log(beliefs.shape[-1]) + of_label.log()


def is_correct(beliefs: Tensor, labels: Tensor) -> Tensor:
    """Whether the most probable class is the label, `(N, T)` bool, for beliefs `(N, T, C)` and labels `(N,)`."""
    return beliefs.argmax(-1) == labels[:, None]


def calibration_gaps(beliefs: Tensor, labels: Tensor, num_bins: int = 15) -> Tensor:
    """Confidence less correctness, sorted into bins of equal width by confidence (Guo et al. 2017).

    The confidence of a belief is its largest probability. `expected_calibration_error` takes the mean over images.

    Args:
        beliefs: `(N, T, C)`, each summing to 1.
        labels: `(N,)` int64.
        num_bins: Number of bins that [0, 1] is divided into.

    Returns:
        `(N, T, num_bins)`: confidence less correctness (0 or 1) in the bin of the image, 0 in all others.
    """
    confidence = beliefs.amax(-1)
    bins = (confidence * num_bins).long().clamp(max=num_bins - 1)
    gap = confidence - is_correct(beliefs, labels).to(confidence.dtype)
    return gap.new_zeros(*gap.shape, num_bins).scatter(-1, bins[..., None], gap[..., None])


def expected_calibration_error(mean_gaps: Tensor) -> Tensor:
    """The expected calibration error `ECE = sum_b n_b / N * |confidence_b - accuracy_b|` over bins b (Guo et al. 2017).

    Args:
        mean_gaps: Mean of `calibration_gaps` over images, `(..., num_bins)`, which is
            `n_b / N * (confidence_b - accuracy_b)`.

    Returns:
        `(...)` in [0, 1].
    """
    return mean_gaps.abs().sum(-1)


def kl_divergence(beliefs: Tensor, others: Tensor) -> Tensor:
    """The Kullback-Leibler divergence `KL(p || q) = sum_k p_k log(p_k / q_k)`.

    Computed in double precision and as `sum_k p_k log(p_k / q_k) - p_k + q_k`, which is equal where both sum to 1. In
    this form no term is negative, so that the rounding of a probability near 1 does not hide the terms of the others:
    near 0 it is more exact than `torch.distributions.kl_divergence`. It is also exact for probabilities of 0.

    Args:
        beliefs: p, `(..., C)`, each summing to 1.
        others: q, `(..., C)`, each summing to 1.

    Returns:
        `(...)`, at least 0, in nats; infinite where q is 0 and p is not.
    """
    p, q = beliefs.double(), others.double()
    return (torch.xlogy(p, p) - torch.xlogy(p, q) - p + q).sum(-1).clamp(min=0).to(beliefs.dtype)
