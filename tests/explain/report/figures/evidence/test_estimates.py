"""Bias and spread of estimates, as a figure."""

from __future__ import annotations

import pytest
import torch

from explain import Estimate
from explain.report.figures import draw_estimates


def test_every_form_has_its_bias_and_its_deviation_at_every_number_of_canvases() -> None:
    def estimate(*values: float) -> Estimate:
        value = torch.tensor(values)
        return Estimate(value, value - 0.1, value + 0.1)

    forms = {"one": (estimate(-0.5, 0.0), estimate(0.4, 0.2)), "other": (estimate(0.0, 0.0), estimate(0.8, 0.4))}
    bias, deviation = draw_estimates((1, 16), forms).axes
    for axes, which in ((bias, 0), (deviation, 1)):
        drawn = {line.get_label(): line for line in axes.lines}
        for name, estimates in forms.items():
            assert list(drawn[name].get_xdata()) == [1, 16]
            assert list(drawn[name].get_ydata()) == pytest.approx(estimates[which].value.tolist())
