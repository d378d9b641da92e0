"""Intervals of fractions: those of the textbook."""

from __future__ import annotations

import numpy as np

from glimpse_env.utils.wilson import wilson_interval


def test_wilson_interval_is_that_of_the_textbook() -> None:
    # Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    for successes, trials, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        interval = wilson_interval(np.array(successes), trials)
        np.testing.assert_allclose(interval, (low, high), atol=5e-5)
