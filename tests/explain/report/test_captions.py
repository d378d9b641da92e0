"""Captions: what each of them says is so in the explanation that it is of."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from explain.explanation import Explanation
from explain.knowledge.intervals import Estimate
from explain.report.all_figures import NUM_BELIEFS, NUM_MAPS, NUM_TALL_RECONSTRUCTIONS, figures_of
from explain.report.captions import captions_of
from explain.report.examples import first_of_each_class
from glimpse_env.retina import Retina


def of_recording(explanation: Explanation, **changes: object) -> Explanation:
    """The explanation with other parts in its recordings."""
    change = {name: value for name, value in changes.items() if name != "retina"}
    parts = {}
    for name in ("recording", "eig_recording"):
        one = getattr(explanation, name)
        tensors = {key: value[: len(one)] for key, value in change.items()}  # type: ignore[index]
        parts[name] = replace(one, **tensors, **({"retina": changes["retina"]} if "retina" in changes else {}))
    return replace(explanation, **parts)


def test_every_figure_has_a_caption(tiny_explanation: Explanation) -> None:
    assert set(captions_of(tiny_explanation)) == set(figures_of(tiny_explanation)) | {"animation"}


@pytest.mark.parametrize("name", ["beliefs", "reconstructions", "eig_maps"])
def test_each_class_is_said_to_be_shown_only_if_it_is(tiny_explanation: Explanation, name: str) -> None:
    limits = {"beliefs": NUM_BELIEFS, "reconstructions": NUM_TALL_RECONSTRUCTIONS, "eig_maps": NUM_MAPS}
    for num_classes in (2, 5, 10, 20):
        names = tuple(map(str, range(num_classes)))
        labels = torch.arange(len(tiny_explanation.recording)) % num_classes
        few = replace(of_recording(tiny_explanation, labels=labels), class_names=names)
        recording = few.eig_recording if name == "eig_maps" else few.recording
        shown = first_of_each_class(recording, limits[name])
        assert ("each class" in captions_of(few)[name]) >= (len(shown) == num_classes)
        if len(shown) < len(recording.labels.unique()):
            assert f"the first {len(shown)} classes" in captions_of(few)[name]
        elif len(shown) < num_classes:
            assert f"({len(shown)} of {num_classes})" in captions_of(few)[name]


@pytest.mark.parametrize("gap", [0.5, -0.5])
def test_shading_is_in_the_caption_only_if_it_is_in_the_figure(tiny_explanation: Explanation, gap: float) -> None:
    curves = tiny_explanation.curves
    known = Estimate(*[curves.information_gain.value - gap] * 3)
    shaded = replace(tiny_explanation, curves=replace(curves, label_information=known))
    assert ("shaded" in captions_of(shaded)["information"]) == (gap > 0)


def test_the_episode_is_said_to_be_right_only_if_it_is(tiny_explanation: Explanation) -> None:
    answers = tiny_explanation.recording.beliefs[:, -1].argmax(1)
    right, wrong = (of_recording(tiny_explanation, labels=(answers + shift) % 10) for shift in (0, 1))
    assert "among those that are classified correctly" in captions_of(right)["animation"]
    assert "since none is classified correctly" in captions_of(wrong)["animation"]


@pytest.mark.parametrize(("channels", "is_blue"), [(1, True), (3, False)])
def test_unseen_pixels_are_said_to_be_blue_where_they_are(
    tiny_explanation: Explanation, channels: int, is_blue: bool
) -> None:
    canvases = tiny_explanation.recording.canvases.repeat(1, channels, 1, 1)
    caption = captions_of(of_recording(tiny_explanation, canvases=canvases))["canvas_reconstructions"]
    assert ("blue" in caption) == is_blue


def test_scales_are_named_where_there_are_some(tiny_explanation: Explanation) -> None:
    for scales in (1, 2):
        caption = captions_of(of_recording(tiny_explanation, retina=Retina(8, scales)))["canvas_reconstructions"]
        assert ("at any scale" in caption) == (scales > 1)


def test_only_more_than_ten_classes_are_said_to_be_cut(tiny_explanation: Explanation) -> None:
    many = replace(tiny_explanation, class_names=tuple(map(str, range(11))))
    for name in ("hidden_states", "locations_by_class"):
        assert "10 most frequent" not in captions_of(tiny_explanation)[name]
        assert "10 most frequent" in captions_of(many)[name]


def test_numbers_of_images_are_those_that_were_used(tiny_explanation: Explanation) -> None:
    captions = captions_of(tiny_explanation)
    assert f"{len(tiny_explanation.eig_recording)} images" in captions["eig_against_gain"]
    assert f"{len(tiny_explanation.recording)} images" in captions["hidden_states"]
    assert "same 10 images" in captions["location_policies"]
