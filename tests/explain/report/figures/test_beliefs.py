"""Beliefs: one line per class, the true one emphasised and named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes

from explain import Recording
from explain.report.figures import draw_beliefs
from explain.report.figures.style import CORRECT, FAINT
from glimpse_env.rendering.episodes import coverage_of

IMAGES = [4, 1, 2]


def certain(recording: Recording, image: int, course: Any) -> Recording:
    """With beliefs `(T, C)` of one's choice for an image."""
    beliefs = recording.beliefs.clone()
    beliefs[image] = torch.as_tensor(course)
    return replace(recording, beliefs=beliefs)


def names_in(axes: Axes) -> dict[str, Any]:
    return {text.get_text(): text for text in axes.texts}


def test_each_image_has_its_canvas_and_its_lines(
    recording: Recording, class_names: Sequence[str], pixels_of: Callable[[Axes], np.ndarray]
) -> None:
    visible = [axes for axes in draw_beliefs(recording, IMAGES, class_names).axes if axes.get_visible()]
    assert len(visible) == 2 * len(IMAGES)
    for image, thumbnail, plot in zip(IMAGES, visible[::2], visible[1::2], strict=True):
        seen = coverage_of(recording, image)[-1]
        canvas = recording.canvases[image, 0].numpy() / 255
        np.testing.assert_allclose(pixels_of(thumbnail)[seen][:, 0], canvas[seen])
        assert (pixels_of(thumbnail)[~seen][:, 0] <= canvas[~seen] / 2).all()
        assert [text.get_text() for text in thumbnail.texts] == ["1", "2", "3", "4"]
        drawn = {tuple(np.asarray(line.get_ydata()).tolist()) for line in plot.lines}
        assert drawn == {tuple(course) for course in recording.beliefs[image].T.tolist()}


def test_the_true_class_is_green_thickest_and_named_at_its_end(
    recording: Recording, class_names: Sequence[str]
) -> None:
    plot = draw_beliefs(recording, IMAGES, class_names).axes[1]
    label = recording.labels[IMAGES[0]]
    thickest = max(plot.lines, key=lambda line: line.get_linewidth())
    np.testing.assert_array_equal(thickest.get_ydata(), recording.beliefs[IMAGES[0], :, label])
    assert thickest.get_color() == CORRECT
    name = names_in(plot)[class_names[label]]
    assert name.get_color() == CORRECT
    assert name.xy[0] == 4


@pytest.mark.parametrize(("classes", "glimpses"), [(3, 1), (10, 6), (30, 25)])
def test_every_class_that_led_has_a_color_and_a_name_and_no_other_has(
    make_recording: Callable[..., Recording], classes: int, glimpses: int
) -> None:
    recording = make_recording(classes=classes, glimpses=glimpses)
    names = [f"class {number}" for number in range(classes)]
    for image in range(len(recording)):
        plot = draw_beliefs(recording, [image], names).axes[1]
        leading = {int(recording.labels[image]), *recording.beliefs[image].argmax(1).tolist()}
        assert set(names_in(plot)) == {names[number] for number in leading}
        for number, course in enumerate(recording.beliefs[image].T.tolist()):
            (line,) = (line for line in plot.lines if np.asarray(line.get_ydata()).tolist() == course)
            assert (line.get_color() != FAINT) == (number in leading)


def test_only_leading_classes_are_named(recording: Recording, class_names: Sequence[str]) -> None:
    """Image 1 is a `one`; it is taken for a `zero` at the second glimpse, and never for a `two`."""
    course = [[0.0, 0.55, 0.45], [0.9, 0.05, 0.05], [0.2, 0.75, 0.05], [0.0, 1.0, 0.0]]
    plot = draw_beliefs(certain(recording, 1, course), [1], class_names).axes[1]
    names = names_in(plot)
    assert set(names) == {"one", "zero"}
    assert names["zero"].xy == (2, pytest.approx(0.9))


def test_names_at_the_same_glimpse_do_not_overlap(recording: Recording, class_names: Sequence[str]) -> None:
    course = [[0.34, 0.33, 0.33]] * 3 + [[0.33, 0.33, 0.34]]
    plot = draw_beliefs(certain(recording, 1, course), [1], class_names).axes[1]
    heights = sorted(text.xy[1] for text in plot.texts if text.xy[0] == 4)
    assert len(heights) > 1
    assert np.diff(heights).min() > 0.1


def test_many_classes_and_colors(make_recording: Callable[..., Recording]) -> None:
    recording = make_recording(classes=100, channels=3)
    figure = draw_beliefs(recording, [0], [f"class $number {number}" for number in range(100)])
    figure.draw_without_rendering()
    assert 1 <= len(figure.axes[1].texts) <= 1 + recording.beliefs.shape[1]


def test_a_single_glimpse(make_recording: Callable[..., Recording], class_names: Sequence[str]) -> None:
    figure = draw_beliefs(make_recording(glimpses=1), [0], class_names)
    figure.draw_without_rendering()
    thumbnail, plot = figure.axes
    assert [text.get_text() for text in thumbnail.texts] == ["1"]
    assert all(line.get_xdata().tolist() == [1] for line in plot.lines)
    assert {text.xy[0] for text in plot.texts} == {1}


def test_arguments_that_do_not_fit_are_refused(recording: Recording, class_names: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="expected images from 0 to 5, got 6"):
        draw_beliefs(recording, [6], class_names)
    with pytest.raises(ValueError, match="expected 3 class names, got 4"):
        draw_beliefs(recording, [0], [*class_names, "more"])
