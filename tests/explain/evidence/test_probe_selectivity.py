"""Probe selectivity, on hidden states with a known answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from explain.evidence.probe_selectivity import probe_selectivity
from explain.knowledge.intervals import Bootstrap
from explain.recording import Recording
from glimpse_env.retina import Retina

N, CLASSES = 120, 3


def recording_of(hidden: Tensor) -> Recording:
    count, glimpses = hidden.shape[:2]
    return Recording(
        hidden=hidden,
        beliefs=torch.full((count, glimpses, CLASSES), 1 / CLASSES),
        locations=torch.zeros(count, glimpses, 2),
        labels=torch.arange(count) % CLASSES,
        indices=torch.arange(count),
        canvases=torch.zeros(count, 1, 4, 4, dtype=torch.uint8),
        originals=torch.zeros(count, 1, 4, 4, dtype=torch.uint8),
        retina=Retina(2, 1),
    )


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def of_class(seed: int) -> Recording:
    """The state tells the class, and nothing else of the image."""
    classes = torch.eye(CLASSES)[torch.arange(N) % CLASSES]
    return recording_of((8 * classes)[:, None] + noise(N, 1, CLASSES, seed=seed))


def of_image(seed: int) -> Recording:
    """The state tells which image it is, and of each class as much as of any other labels."""
    return recording_of((40 * torch.eye(N))[:, None] + noise(N, 1, N, seed=seed))


def test_a_memory_of_the_class_alone_is_selective() -> None:
    found = probe_selectivity(of_class(1), of_class(2), Bootstrap(N))
    assert found.accuracy.value.item() > 0.98
    assert found.control.value.item() < 0.5  # 1/3 in expectation
    assert found.selectivity.value.item() > 0.5
    assert found.metric.value.value.item() == pytest.approx(found.selectivity.value.item())
    assert found.metric.passes


def test_a_memory_of_images_is_not_selective_however_accurate_the_probe_is() -> None:
    found = probe_selectivity(of_image(1), of_image(2), Bootstrap(N))
    assert found.accuracy.value.item() > 0.9
    assert found.control.value.item() > 0.9
    assert abs(found.selectivity.value.item()) < 0.1
    assert not found.metric.passes


def test_a_memory_of_nothing_scores_0_in_expectation_and_intervals_cover_it() -> None:
    trials, covered, mean, passed = 60, 0, 0.0, 0
    for trial in range(trials):
        first, again = (recording_of(noise(90, 1, 2, seed=2 * trial + one)) for one in (0, 1))
        found = probe_selectivity(first, again, Bootstrap(90, num_resamples=300), seed=trial)
        covered += bool(found.selectivity.low[0] <= 0 <= found.selectivity.high[0])
        mean += found.selectivity.value.item() / trials
        passed += found.metric.passes
    assert abs(mean) < 0.03
    assert covered / trials >= 0.87
    assert passed / trials <= 0.1


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, again = of_class(1), of_class(2)
    one, same, other = (probe_selectivity(first, again, Bootstrap(N), seed=seed).metric.to_json() for seed in (1, 1, 2))
    assert one == same != other


def test_recordings_must_be_of_the_same_images() -> None:
    first = of_class(1)
    with pytest.raises(ValueError, match="expected two recordings of the same images"):
        probe_selectivity(first, replace(first, indices=first.indices + 1), Bootstrap(N))
