"""Confidence intervals: over images by the bootstrap and of fractions by Wilson's, over seeds by Student's t."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import t as student_t
from torch import Tensor

from explain.numbers import check_between
from glimpse_env.config import check_integer
from glimpse_env.utils.wilson import wilson_interval


@dataclass(frozen=True)
class Estimate:
    """A statistic and its confidence interval, on the CPU.

    Attributes:
        value: The statistic of all images or seeds.
        low: Lower end of its interval, of the same shape.
        high: Upper end.
    """

    value: Tensor
    low: Tensor
    high: Tensor

    def to_json(self) -> dict[str, list[float]]:
        """This as plain numbers."""
        return {name: getattr(self, name).tolist() for name in ("value", "low", "high")}


def over_seeds(values: Tensor, level: float = 0.95) -> Estimate:
    """The mean over seeds, with Student's t interval `mean +- t * std / sqrt(S)`.

    Args:
        values: One row per seed, `(S, ...)`.
        level: Probability that the interval covers.

    Returns:
        `(...)`; the interval of a single seed is infinite.

    Example:
        >>> estimate = over_seeds(torch.tensor([1.0, 2.0, 3.0]))
        >>> estimate.value.item(), round(estimate.low.item(), 2), round(estimate.high.item(), 2)
        (2.0, -0.48, 4.48)
    """
    values = values.double()
    mean, count = values.mean(0), len(values)
    if count == 1:
        return Estimate(mean, torch.full_like(mean, -torch.inf), torch.full_like(mean, torch.inf))
    half = student_t.ppf((1 + level) / 2, count - 1) * values.std(0) / count**0.5
    return Estimate(mean, mean - half, mean + half)


def of_fraction(happened: Tensor) -> Estimate:
    """The fraction of images of which something is so, with its 95 % Wilson interval.

    A bootstrap of images of which it is so without exception has an interval of no width, as if it were so of all
    images that there are. This interval has the width that the number of images allows.

    Args:
        happened: Whether it is so of each image, `(N, ...)` bool.

    Returns:
        `(...)`.

    Example:
        >>> estimate = of_fraction(torch.ones(50, dtype=torch.bool))
        >>> estimate.value.item(), round(estimate.low.item(), 3), estimate.high.item()
        (1.0, 0.929, 1.0)
    """
    counts, trials = happened.sum(0).cpu(), len(happened)
    low, high = wilson_interval(counts.numpy(), trials)
    return Estimate(counts.double() / trials, torch.from_numpy(np.asarray(low)), torch.from_numpy(np.asarray(high)))


MAX_DRAWS = 2**30
"""The greatest number of images in all resamples together: they take 8 GiB."""


class Bootstrap:
    """Percentile bootstrap intervals over images (Efron 1979).

    Images are drawn with replacement, `num_resamples` times, and an interval holds the statistic of `level` of the
    resamples. One bootstrap serves any number of statistics of the same images, and draws the same images for all of
    them: the interval of a difference between two agents is a paired one.

    Args:
        num_images: How many images there are (N).
        num_resamples: How often they are resampled (R).
        seed: Determines the resamples.
        level: Probability that an interval covers.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: There are no images or resamples, the seed is negative, or `level` is not between 0 and 1.

    Example:
        >>> bootstrap = Bootstrap(num_images=100, seed=0)
        >>> estimate = bootstrap.mean(torch.arange(100.0))
        >>> bool(estimate.low < estimate.value < estimate.high)
        True
    """

    def __init__(self, num_images: int, num_resamples: int = 1000, seed: int = 0, level: float = 0.95) -> None:
        check_integer("num_images", num_images, 1)
        check_integer("num_resamples", num_resamples, 1, MAX_DRAWS // int(num_images))
        check_integer("seed", seed, 0)
        check_between("level", level, 0, 1)
        generator = np.random.default_rng(seed)
        counts = generator.multinomial(num_images, np.full(num_images, 1 / num_images), size=num_resamples)
        self._fractions = torch.from_numpy(counts / num_images)  # (num_resamples, num_images)
        self._tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64, device="cpu")

    def mean(self, values: Tensor) -> Estimate:
        """Estimates the mean over images of `values`, `(N, ...)`; the estimate is `(...)`."""
        return self.of_mean(values, lambda mean: mean)

    def of_mean(self, values: Tensor, statistic: Callable[[Tensor], Tensor]) -> Estimate:
        """Estimates a function of the mean over images.

        Args:
            values: `(N, ...)`, on any device.
            statistic: Maps the means of R resamples, `(R, ...)`, to their statistics, `(R, ...)`; NaN where it is not
                defined. The interval is that of the resamples where it is.

        Raises:
            ValueError: The number of values is not that of the images.
        """
        if len(values) != self._fractions.shape[1]:
            raise ValueError(f"expected values of {self._fractions.shape[1]} images, got {len(values)}")
        values = values.cpu().double()
        flat = values.flatten(1) if values.ndim > 1 else values[:, None]
        means = (self._fractions @ flat).view(-1, *values.shape[1:])
        low, high = torch.nanquantile(statistic(means), self._tails, dim=0)
        return Estimate(statistic(values.mean(0)[None])[0], low, high)
