"""Curves where they are known in closed form, and against loops."""

from __future__ import annotations

import json
import math
from dataclasses import fields

import numpy as np
import pytest
import torch

from explain import Bootstrap, Estimate, Recording
from explain.knowledge.curves import InformationCurves, information_curves
from glimpse_env.retina import Retina

NAMES = [field.name for field in fields(InformationCurves)]
MEANS = [name for name in NAMES if name != "calibration_error"]
C = 4


def make_recording(beliefs: np.ndarray, labels: np.ndarray, seed: int = 0) -> Recording:
    """What curves read of a recording, `beliefs` `(N, T, C)` and `labels` `(N,)`; the images depend on the seed."""
    count, glimpses = beliefs.shape[:2]
    images = np.random.default_rng(seed).integers(0, 256, (count, 1, 3, 3), dtype=np.uint8)
    return Recording(
        hidden=torch.zeros(count, glimpses, 2),
        beliefs=torch.from_numpy(beliefs.astype(np.float32)),
        locations=torch.zeros(count, glimpses, 2),
        labels=torch.from_numpy(labels.astype(np.int64)),
        indices=torch.arange(count),
        canvases=torch.from_numpy(images),
        originals=torch.from_numpy(images),
        retina=Retina(2, 1),
    )


def draw_recording(count: int = 200, glimpses: int = 3, seed: int = 0) -> Recording:
    rng = np.random.default_rng(seed)
    return make_recording(rng.dirichlet(np.full(C, 0.5), (count, glimpses)), rng.integers(0, C, count))


def values(curves: InformationCurves) -> dict[str, list[float]]:
    return {name: getattr(curves, name).value.tolist() for name in NAMES}


def widths(estimate: Estimate) -> torch.Tensor:
    return estimate.high - estimate.low


def test_who_believes_in_all_classes_alike_knows_nothing() -> None:
    labels = np.arange(40) % C
    curves = information_curves(make_recording(np.full((40, 2, C), 1 / C), labels), Bootstrap(40))
    expected = {name: [0, 0] for name in NAMES} | {"entropy": [math.log(C)] * 2, "accuracy": [1 / C] * 2}
    for name, value in values(curves).items():
        assert value == pytest.approx(expected[name], abs=1e-6), name


def test_who_knows_the_label_knows_all_there_is_to_know() -> None:
    labels = np.arange(40) % C
    first, then = np.full((40, C), 1 / C), np.eye(C)[labels]
    curves = information_curves(make_recording(np.stack([first, then], axis=1), labels), Bootstrap(40))
    everything = [0, math.log(C)]
    for name in ("information_gain", "gain_since_first", "label_information"):
        estimate = getattr(curves, name)
        for part in (estimate.value, estimate.low, estimate.high):
            assert part.tolist() == pytest.approx(everything, abs=1e-6), name
    assert curves.entropy.value.tolist() == pytest.approx([math.log(C), 0], abs=1e-6)
    assert curves.overconfidence.value.tolist() == pytest.approx([0, 0], abs=1e-6)
    assert curves.accuracy.value.tolist() == [1 / C, 1]
    assert curves.calibration_error.value.tolist() == pytest.approx([0, 0], abs=1e-6)


def test_certainty_of_a_wrong_answer_is_overconfidence() -> None:
    """Certain to 0.7, right in a quarter of the images: information is gained, but not about the label."""
    labels = np.arange(40) % C
    beliefs = np.full((40, 1, C), 0.1)
    beliefs[..., 0] = 0.7
    curves = information_curves(make_recording(beliefs, labels), Bootstrap(40))
    entropy = -0.7 * math.log(0.7) - 0.3 * math.log(0.1)
    known = math.log(C) + 0.25 * math.log(0.7) + 0.75 * math.log(0.1)
    assert curves.information_gain.value.item() == pytest.approx(math.log(C) - entropy, abs=1e-6)
    assert curves.label_information.value.item() == pytest.approx(known, abs=1e-6)
    assert known < 0
    assert curves.overconfidence.value.item() == pytest.approx(math.log(C) - entropy - known, abs=1e-6)
    assert curves.calibration_error.value.item() == pytest.approx(0.7 - 0.25, abs=1e-6)


def test_curves_are_means_over_images_glimpse_by_glimpse() -> None:
    recording = draw_recording(count=30)
    curves = information_curves(recording, Bootstrap(30))
    for glimpse in range(3):
        sums = dict.fromkeys(MEANS, 0.0)
        for image in range(30):
            first, belief = (recording.beliefs[image, number].double().numpy() for number in (0, glimpse))
            entropy, at_first = (-sum(p * math.log(p) for p in one) for one in (belief, first))
            known = math.log(C) + math.log(belief[recording.labels[image]])
            sums["entropy"] += entropy
            sums["information_gain"] += math.log(C) - entropy
            sums["gain_since_first"] += at_first - entropy
            sums["label_information"] += known
            sums["overconfidence"] += math.log(C) - entropy - known
            sums["accuracy"] += belief.argmax() == recording.labels[image].item()
        for name, total in sums.items():
            assert getattr(curves, name).value[glimpse].item() == pytest.approx(total / 30, abs=1e-6), name


def test_intervals_are_about_as_wide_as_the_normal_distribution_has_it() -> None:
    recording = draw_recording(count=500)
    curves = information_curves(recording, Bootstrap(500, num_resamples=4000))
    right = recording.beliefs.argmax(-1) == recording.labels[:, None]
    expected = 2 * 1.96 * right.double().std(0, correction=0).numpy() / math.sqrt(500)
    np.testing.assert_allclose(widths(curves.accuracy).numpy(), expected, rtol=0.1)
    for name in NAMES:
        estimate = getattr(curves, name)
        assert (estimate.low <= estimate.value).all() or name == "calibration_error"  # which is biased upwards
        assert (estimate.value <= estimate.high).all()


@pytest.mark.parametrize("seed", range(4))
def test_calibrated_beliefs_have_no_overconfidence(seed: int) -> None:
    """Where labels are drawn from the beliefs, the two kinds of information are the same but for chance."""
    rng = np.random.default_rng(seed)
    beliefs = rng.dirichlet(np.ones(C), (2000, 1))
    labels = (beliefs[:, 0].cumsum(1) < rng.uniform(size=(2000, 1))).sum(1).clip(max=C - 1)
    curves = information_curves(make_recording(beliefs, labels), Bootstrap(2000, num_resamples=200))
    deviation = (curves.overconfidence.high - curves.overconfidence.low).item() / (2 * 1.96)
    assert abs(curves.overconfidence.value.item()) < 4 * deviation < 0.1
    assert curves.information_gain.value.item() > 0.2


def test_a_bootstrap_of_other_images_is_refused() -> None:
    with pytest.raises(ValueError, match="expected values of 199 images, got 200"):
        information_curves(draw_recording(), Bootstrap(199))


def test_the_curves_can_be_written_as_json() -> None:
    curves = information_curves(draw_recording(), Bootstrap(200))
    written = json.loads(json.dumps(curves.to_json()))
    assert list(written) == NAMES
    for name in NAMES:
        for part in ("value", "low", "high"):
            assert written[name][part] == getattr(getattr(curves, name), part).tolist()
