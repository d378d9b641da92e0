"""The points of curves: where they are drawn, and what they say."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from explain import Estimate
from explain.report.figures import draw_location_policies, draw_removal_curves
from explain.report.figures.curve_points import curve_points


def estimate(*values: float) -> Estimate:
    value = torch.tensor(values)
    return Estimate(value, value, value)


def test_a_point_says_its_curve_its_glimpse_and_its_number() -> None:
    figure = draw_location_policies({"learned policy": estimate(0.25, 0.75), "random": estimate(0.25, 0.5)})
    figure.draw_without_rendering()
    assert [point.text for point in curve_points(figure)] == [
        "learned policy, glimpse 1: 0.25",
        "learned policy, glimpse 2: 0.75",
        "random, glimpse 1: 0.25",
        "random, glimpse 2: 0.5",
    ]


def test_a_tick_with_a_name_of_its_own_is_named_by_it() -> None:
    figure = draw_removal_curves({"random order": estimate(0.1, 0.2)}, {"random order": estimate(0.9, 0.8)})
    figure.draw_without_rendering()
    texts = [point.text for point in curve_points(figure)]
    assert texts[0] == "random order, places looked at 0: 0.1"
    assert texts[-1] == "random order, places made background 1: 0.8"


def test_a_point_is_where_its_marker_is_drawn() -> None:
    figure = draw_location_policies({"learned policy": estimate(0.2, 0.8)})
    figure.savefig(file := io.BytesIO())
    image = np.asarray(Image.open(file).convert("RGB"))
    first, last = curve_points(figure)
    assert first.x < last.x
    assert first.y > last.y
    for point in (first, last):
        row, column = round(point.y * image.shape[0]), round(point.x * image.shape[1])
        assert image[row, column].tolist() == pytest.approx([0, 114, 178], abs=2)
