"""Spearman's rank correlation, of many images at once and with bootstrap intervals."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from explain.knowledge.intervals import Bootstrap, Estimate
from explain.numbers import check_finite


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
    for name, values in (("one", one), ("other", other)):
        check_finite(name, values)
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
    return bootstrap.of_mean(_moments(one, other), lambda means: _correlations(means, 2)[:, 0, 1])


def partial_rank_correlation(one: Tensor, other: Tensor, control: Tensor, bootstrap: Bootstrap) -> Estimate:
    """The rank correlation of two quantities over all images and glimpses that a third does not account for.

    With r the rank correlations of `one` (x), `other` (y) and `control` (z), it is the correlation of what is left of
    the ranks of x and y after linear regression on those of z (Kendall 1942):

        r_xy.z = (r_xy - r_xz r_yz) / sqrt((1 - r_xz^2) (1 - r_yz^2))

    Args:
        one: `(N, K)`.
        other: `(N, K)`.
        control: `(N, K)`.
        bootstrap: Of `N` images.

    Returns:
        `()` in [-1, 1]; NaN where one of the three is constant, or the control has the same ranks as another.

    Example:
        >>> one, control = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]), torch.arange(8.0).view(2, 4) % 3
        >>> partial_rank_correlation(one, one.exp(), control, Bootstrap(2)).value.round(decimals=6)
        tensor(1., dtype=torch.float64)
    """

    def partial(means: Tensor) -> Tensor:
        correlations = _correlations(means, 3)
        xy, xz, yz = correlations[:, 0, 1], correlations[:, 0, 2], correlations[:, 1, 2]
        left = (1 - xz**2) * (1 - yz**2)
        return torch.where(left > ROUNDING, (xy - xz * yz) / left.clamp(min=ROUNDING).sqrt(), torch.nan)

    return bootstrap.of_mean(_moments(one, other, control), partial)


ROUNDING = 1e-12
"""What is left of a variance of ranks that a control accounts for entirely."""


def _moments(*quantities: Tensor) -> Tensor:
    """For each image, the mean of the ranks of `Q` quantities `(N, K)` and of their products, `(N, Q + Q * Q)`."""
    for number, values in enumerate(quantities, start=1):
        check_finite(f"quantity {number}", values)
    ranks = torch.stack([torch.from_numpy(rankdata(v.cpu().numpy())).view(v.shape) for v in quantities], dim=1)
    ranks = (ranks - (ranks[:, 0].numel() + 1) / 2) / ranks[:, 0].numel()  # (N, Q, K), exactly 0 on average
    products = ranks[:, :, None] * ranks[:, None]  # (N, Q, Q, K)
    return torch.cat([ranks, products.flatten(1, 2)], dim=1).mean(-1)


def _correlations(means: Tensor, count: int) -> Tensor:
    """The correlations of `Q` quantities from means of `_moments`, `(R, Q + Q * Q)`; `(R, Q, Q)`."""
    first, second = means[:, :count], means[:, count:].view(-1, count, count)
    covariance = second - first[:, :, None] * first[:, None]
    deviation = covariance.diagonal(dim1=1, dim2=2).clamp(min=0).sqrt()
    return covariance / (deviation[:, :, None] * deviation[:, None])
