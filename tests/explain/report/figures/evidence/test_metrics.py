"""All metrics beside their nulls, as a figure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import Bootstrap
from explain.evidence.metric import Metric
from explain.report.figures import draw_evidence


def metric_of(name: str, value: float, better: str = "higher") -> Metric:
    values = torch.full((4,), value)
    nulls = {"one": torch.full((4,), 0.2), "other": torch.full((4,), 0.3)}
    return Metric.over_images(name, "?", values, nulls, Bootstrap(4), better=better)  # type: ignore[arg-type]


def test_every_metric_has_a_row_with_its_nulls() -> None:
    figure = draw_evidence([metric_of("good", 0.9), metric_of("bad", 0.1), metric_of("low", 0.1, "lower")])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["good", "bad", "low (low is good)"]
    values = [line for line in axes.lines if line.get_marker() == "o"]
    nulls = [line for line in axes.lines if line.get_marker() == "|"]
    for row, (value, null, expected) in enumerate(zip(values, nulls, (0.9, 0.1, 0.1), strict=True)):
        np.testing.assert_allclose(value.get_xydata(), [[expected, row]], rtol=1e-6)
        np.testing.assert_allclose(null.get_xydata(), [[0.2, row], [0.3, row]], rtol=1e-6)
    assert [line.get_markerfacecolor() == "white" for line in values] == [False, True, False]
    labels = {text.get_text() for text in figure.legends[0].get_texts()}
    assert labels == {"value, better than its nulls", "value, not better", "null"}
    with pytest.raises(ValueError, match="expected at least 1 metric, got none"):
        draw_evidence([])
