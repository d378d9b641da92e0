"""Information: each curve and its band in its panel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from explain import Estimate
from explain.knowledge.curves import InformationCurves
from explain.report.figures import draw_information
from explain.report.figures.information import has_overconfidence
from explain.report.figures.lines import color_of


def invent(seed: int, glimpses: int = 3) -> InformationCurves:
    generator = torch.Generator().manual_seed(seed)

    def estimate() -> Estimate:
        value = torch.rand(glimpses, generator=generator)
        return Estimate(value, value - 0.1, value + 0.2)

    curves = {field.name: estimate() for field in fields(InformationCurves)}
    curves["entropy"] = Estimate(*[math.log(10) - curves["information_gain"].value] * 3)
    return InformationCurves(**curves)


def heights(axes: Axes) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata()) for line in axes.lines]


@pytest.mark.parametrize(("panel", "field"), [(0, "gain_since_first"), (2, "accuracy"), (3, "calibration_error")])
def test_each_agent_has_its_curve_and_its_band(panel: int, field: str) -> None:
    curves = {"one": invent(0), "two": invent(1)}
    axes = draw_information(curves).axes[panel]
    for number, one in enumerate(curves.values()):
        estimate = getattr(one, field)
        np.testing.assert_array_equal(heights(axes)[number], estimate.value)
        corners = axes.collections[number].get_paths()[0].vertices
        assert corners[:, 1].min() == pytest.approx(estimate.low.min().item())
        assert corners[:, 1].max() == pytest.approx(estimate.high.max().item())
        assert axes.lines[number].get_color() == color_of(number)


def test_information_gain_is_solid_and_label_information_dashed() -> None:
    one = invent(0)
    axes = draw_information({"one": one}).axes[1]
    gain, known, everything = axes.lines
    np.testing.assert_array_equal(gain.get_ydata(), one.information_gain.value)
    np.testing.assert_array_equal(known.get_ydata(), one.label_information.value)
    assert not gain.is_dashed()
    assert known.is_dashed()
    assert gain.get_color() == known.get_color()
    np.testing.assert_allclose(everything.get_ydata(), math.log(10), rtol=1e-6)


@pytest.mark.parametrize("gap", [0.5, -0.5])
def test_only_overconfidence_is_shaded(gap: float) -> None:
    gain = Estimate(*[torch.tensor([1.0, 1.5])] * 3)
    known = Estimate(*[torch.tensor([1.0, 1.5]) - gap] * 3)
    curves = invent(0, 2).__class__(gain, gain, gain, known, gain, gain, gain)
    (shaded,) = draw_information({"one": curves}).axes[1].collections
    vertices = shaded.get_paths()[0].vertices
    at_the_end = vertices[vertices[:, 0] == 2][:, 1]
    assert at_the_end.max() - at_the_end.min() == pytest.approx(max(gap, 0))


@pytest.mark.parametrize(("gap", "is_shaded"), [(0.5, True), (0.001, False), (0.0, False), (-0.5, False)])
def test_shading_is_named_only_where_there_is_some(
    gap: float, is_shaded: bool, texts_of: Callable[[Axes], list[str]]
) -> None:
    gain = Estimate(*[torch.tensor([1.0, 1.5])] * 3)
    known = Estimate(*[torch.tensor([1.0, 1.5]) - gap] * 3)
    curves = invent(0, 2).__class__(gain, gain, gain, known, gain, gain, gain)
    assert has_overconfidence(curves) == is_shaded
    assert ("shaded: overconfidence" in texts_of(draw_information({"one": curves}).axes[1])) == is_shaded


@pytest.mark.parametrize("count", [1, 2, 6])
def test_several_agents_have_a_legend(count: int) -> None:
    figure = draw_information({f"agent {number}": invent(number) for number in range(count)})
    names = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert names == [f"agent {number}" for number in range(count)] * (count > 1)


def test_glimpses_are_counted_from_1(texts_of: Callable[[Axes], list[str]]) -> None:
    for axes in draw_information({"one": invent(0)}).axes:
        assert axes.get_xticks().tolist() == [1, 2, 3]
        assert "glimpse" in texts_of(axes)


def test_curves_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"all of the same length, got lengths \[3, 4\]"):
        draw_information({"one": invent(0, 3), "two": invent(1, 4)})
    with pytest.raises(ValueError, match="expected at least 1 curve"):
        draw_information({})
