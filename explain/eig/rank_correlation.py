"""Spearman's rank correlation, of many images at once and with bootstrap intervals."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from explain.knowledge.intervals import Bootstrap, Estimate


def rank_correlations(one: Tensor, other: Tensor) -> Tensor:
    """Spearman's rank correlation of two quantities over locations, row by row (Spearman 1904).

    It is the correlation of their ranks, where equal values share the mean of their ranks.

    Args:
        one: For example the expected information gain of each location, `(M, L)`.
        other: For example the real information gain there, `(M, L)`.

    Returns:
        `(M,)` float64 in [-1, 1] on the CPU; NaN where one of the two is constant.

    Example:
        >>> rank_correlations(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[9.0, 4.0, 1.0]])).round(decimals=6).item()
        -1.0
    """
    ranks = torch.from_numpy(np.stack([rankdata(values.cpu().numpy(), axis=1) for values in (one, other)]))
    centred = ranks - ranks.mean(-1, keepdim=True)
    first, second = centred / centred.norm(dim=-1, keepdim=True)
    return (first * second).sum(-1)


def mean_rank_correlation(correlations: Tensor, bootstrap: Bootstrap) -> Estimate:
    """The mean over images of their rank correlations, without those that are not defined.

    Args:
        correlations: `(N, ...)` in [-1, 1], NaN where there is none.
        bootstrap: Of `N` images.

    Returns:
        `(...)`, NaN where no image has one.
    """
    defined = ~correlations.isnan()
    sums = torch.stack([correlations.nan_to_num(0.0), defined.to(correlations.dtype)], dim=1)
    return bootstrap.of_mean(sums, lambda means: means[:, 0] / means[:, 1])


def overall_rank_correlation(one: Tensor, other: Tensor, bootstrap: Bootstrap) -> Estimate:
    """Spearman's rank correlation of two quantities over all images and glimpses together (Spearman 1904).

    Values are ranked once; the bootstrap resamples images with their ranks.

    Args:
        one: `(N, K)`.
        other: `(N, K)`.
        bootstrap: Of `N` images.

    Returns:
        `()` in [-1, 1]; NaN where one of the two is constant.

    Example:
        >>> values = torch.arange(12.0).view(4, 3)
        >>> overall_rank_correlation(values, values.square(), Bootstrap(4)).value.round(decimals=6)
        tensor(1., dtype=torch.float64)
    """
    ranks = (torch.from_numpy(rankdata(values.cpu().numpy())).view(values.shape) for values in (one, other))
    first, second = ((rank - (rank.numel() + 1) / 2) / rank.numel() for rank in ranks)  # exactly 0 on average
    moments = torch.stack([first, second, first**2, second**2, first * second], dim=1).mean(-1)  # (N, 5)

    def correlation(means: Tensor) -> Tensor:
        mean, other_mean, square, other_square, product = means.unbind(-1)
        variances = (square - mean**2) * (other_square - other_mean**2)
        return (product - mean * other_mean) / variances.clamp(min=0).sqrt()

    return bootstrap.of_mean(moments, correlation)
