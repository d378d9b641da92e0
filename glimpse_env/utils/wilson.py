"""The confidence interval of a fraction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest


def wilson_interval(successes: NDArray[np.int64], trials: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 95 % confidence interval of a fraction (Wilson 1927), also for small counts and near 0 and 1.

    Args:
        successes: How often it happened, any shape.
        trials: How often it could have happened.

    Returns:
        The lower and upper ends, each of the shape of `successes`.

    Example:
        >>> low, high = wilson_interval(np.array([0, 5, 10]), 10)
        >>> low.round(3), high.round(3)
        (array([0.   , 0.237, 0.722]), array([0.278, 0.763, 1.   ]))
    """
    counts = np.asarray(successes)
    intervals = [binomtest(int(count), trials).proportion_ci(0.95, "wilson") for count in counts.ravel()]
    low, high = np.transpose(intervals).reshape(2, *counts.shape)
    return low, high
