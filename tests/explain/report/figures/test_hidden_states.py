"""Hidden states: every image in every panel, in the colour of its class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from explain import Recording
from explain.report.figures import draw_hidden_states
from explain.report.figures.hidden_states import embed_states
from explain.report.figures.style import CLASS_COLORS


def points_of(figure: object) -> list[np.ndarray]:
    """The points of each panel, class by class."""
    panels = [axes for axes in figure.axes if axes.get_visible()]  # type: ignore[attr-defined]
    return [np.concatenate([drawn.get_offsets() for drawn in axes.collections]) for axes in panels]


def test_there_is_a_panel_per_glimpse_with_all_images(make_recording: Callable[..., Recording]) -> None:
    figure = draw_hidden_states(make_recording(num_images=7), ["a", "b", "c"])
    assert [len(points) for points in points_of(figure)] == [7] * 4
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in panels}) == 1
    for axes in panels:
        colors = [to_hex(drawn.get_facecolor()[0]) for drawn in axes.collections]
        assert colors == list(CLASS_COLORS[:3])
        assert [len(drawn.get_offsets()) for drawn in axes.collections] == [3, 2, 2]


def test_points_are_the_embedded_states(recording: Recording, class_names: Sequence[str]) -> None:
    drawn = np.array(points_of(draw_hidden_states(recording, class_names, seed=3)))  # (T, N, 2)
    order = np.random.default_rng(3).permutation(len(recording))
    expected = embed_states(recording.hidden[order], 3)
    by_class = np.argsort(recording.labels.numpy()[order], kind="stable")
    np.testing.assert_allclose(drawn, expected[by_class].swapaxes(0, 1), rtol=1e-5)


def test_neighbours_stay_neighbours(make_recording: Callable[..., Recording]) -> None:
    """Two clouds that are far apart in hidden states are apart in the plane."""
    recording = make_recording(num_images=20, classes=2)
    cloud = np.arange(20) % 2
    hidden = recording.hidden.numpy() * np.float32(0.01) + cloud[:, None, None].astype(np.float32) * 100
    points = embed_states(hidden, 0)
    assert points.shape == (20, 4, 2)
    centres = np.array([points[cloud == number].mean((0, 1)) for number in (0, 1)])
    nearest = np.linalg.norm(points[:, :, None] - centres, axis=-1).argmin(-1)
    np.testing.assert_array_equal(nearest, np.repeat(cloud[:, None], 4, axis=1))


def test_no_more_images_than_asked_for(recording: Recording, class_names: Sequence[str]) -> None:
    figure = draw_hidden_states(recording, class_names, num_images=2)
    assert [len(points) for points in points_of(figure)] == [2] * 4


def test_letters_name_themselves_and_other_names_need_a_legend(recording: Recording) -> None:
    assert not draw_hidden_states(recording, ["a", "b", "c"]).legends
    (legend,) = draw_hidden_states(recording, ["cat", "dog", "$ox$"]).legends
    assert [text.get_text() for text in legend.get_texts()] == ["cat", "dog", "$ox$"]


def test_of_many_classes_the_most_frequent_are_drawn(make_recording: Callable[..., Recording]) -> None:
    recording = make_recording(num_images=30, glimpses=1, classes=15)
    recording = replace(recording, labels=torch.arange(30).clamp(max=14))
    (points,) = points_of(draw_hidden_states(recording, [f"class {number}" for number in range(15)]))
    assert len(points) == 9 + 16


def test_bad_arguments_are_refused(make_recording: Callable[..., Recording], class_names: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="expected 3 class names, got 2"):
        draw_hidden_states(make_recording(), class_names[:2])
    with pytest.raises(ValueError, match="expected at least 4 hidden states, got 3"):
        draw_hidden_states(make_recording(num_images=3, glimpses=1), class_names)
