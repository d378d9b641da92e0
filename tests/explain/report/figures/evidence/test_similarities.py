"""Similarities as layers are randomised, as a figure."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import Estimate
from explain.report.figures import draw_similarities


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
