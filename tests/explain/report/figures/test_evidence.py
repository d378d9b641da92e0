"""The tests of an explanation as figures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import Bootstrap, Estimate
from explain.evidence.metric import Metric
from explain.report.figures import draw_estimates, draw_evidence, draw_similarities


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


def similarity(value: float) -> Estimate:
    return Estimate(*(torch.tensor(value + step) for step in (0, -0.1, 0.1)))


def test_similarities_fall_towards_that_of_another_image() -> None:
    values = {"trained agent": 0.9, "heads": 0.5, "core": 0.1, "another image": 0.2}
    curve = {name: similarity(value) for name, value in values.items()}
    figure = draw_similarities({"EIG maps": curve})
    (axes,) = figure.axes
    line, floor = axes.lines
    np.testing.assert_allclose(np.asarray(line.get_ydata()), [0.9, 0.5, 0.1], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(floor.get_ydata()), [0.2, 0.2], rtol=1e-6)
    steps = [label.get_text() for label in axes.get_xticklabels()]
    assert steps == ["none (trained agent)", "heads", "+ core"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["EIG maps", "EIG maps, another image"]
    with pytest.raises(ValueError, match="expected similarities of the same agents"):
        draw_similarities({"EIG maps": curve, "imagined images": {"trained agent": similarity(1.0)}})


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
