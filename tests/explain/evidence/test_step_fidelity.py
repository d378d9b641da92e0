"""Step fidelity in a finite world, and on numbers with a known answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from explain.evidence.step_fidelity import costs_of_loss, step_fidelity
from explain.knowledge.information import kl_divergence
from explain.knowledge.intervals import Bootstrap


def test_costs_that_follow_the_gains_score_1() -> None:
    gains = torch.rand(50, 5, generator=torch.Generator().manual_seed(0))
    metric = step_fidelity(gains, gains.exp(), Bootstrap(50))
    assert metric.value.value == 1
    assert metric.passes
    assert step_fidelity(gains, -gains, Bootstrap(50)).value.value == -1


def test_random_costs_score_as_random_glimpses() -> None:
    numbers = torch.rand(2, 400, 5, generator=torch.Generator().manual_seed(1))
    metric = step_fidelity(*numbers, Bootstrap(400))
    assert metric.value.low < 0 < metric.value.high
    assert metric.nulls["random glimpses"].low < 0 < metric.nulls["random glimpses"].high
    assert not metric.passes


def test_what_depends_on_the_number_of_the_glimpse_alone_is_no_fidelity() -> None:
    costs = torch.arange(5.0).expand(30, 5)
    metric = step_fidelity(costs, costs, Bootstrap(30))
    assert metric.value.value == metric.nulls["glimpse number"].value == 1
    assert not metric.passes


def test_the_loss_of_a_glimpse_is_its_background_in_its_place(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording(seed=2)
    costs = costs_of_loss(world, recording)
    assert costs.shape == (len(recording), recording.hidden.shape[1] - 1)
    tables = recording.retina.pool(recording.canvases)
    for lost in range(1, recording.hidden.shape[1]):
        state: Any = None
        for number in range(recording.hidden.shape[1]):
            location = recording.locations[:, number]
            glimpse = recording.retina.glimpses(tables, location)
            seen = {"glimpse": (glimpse * (number != lost)).numpy(), "location": location.numpy()}
            _, state = world.predict(seen, state)
        expected = kl_divergence(recording.beliefs[:, -1], torch.as_tensor(world.beliefs(state)))
        torch.testing.assert_close(costs[:, lost - 1], expected, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_numbers() -> None:
    numbers = torch.rand(2, 20, 4, generator=torch.Generator().manual_seed(1))
    one, again, other = (step_fidelity(*numbers, Bootstrap(20), seed=seed).to_json() for seed in (3, 3, 4))
    assert one == again != other
