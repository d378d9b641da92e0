"""The suite of metrics, as `explain` computes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from explain.eig.validation import validate_eig
from explain.evidence.parameter_randomisation import OTHER_IMAGE, TRAINED
from explain.evidence.removal import BEST
from explain.evidence.suite import Evidence, collect_evidence
from explain.explanation import Explanation
from explain.knowledge.intervals import Bootstrap
from explain.reconstruction.vae import HiddenStateVAE, VAESettings
from explain.recording import Recording
from glimpse_env.retina import grid_locations


def evidence_of(agent: Any, recording: Recording) -> Evidence:
    """With a VAE that was not fitted."""
    bootstrap = Bootstrap(len(recording))
    shape = tuple(recording.canvases.shape[1:])
    vae = HiddenStateVAE(recording.hidden.shape[-1], shape, VAESettings(target="canvas", layer_size=8))
    validation = validate_eig(agent, recording, vae.sample, grid_locations(3), bootstrap, num_samples=2)
    return collect_evidence(agent, recording, recording, validation, vae, bootstrap, num_samples=2)


def test_every_metric_is_there_with_its_nulls(tiny_explanation: Explanation) -> None:
    metrics = {metric.name: metric for metric in tiny_explanation.evidence.metrics}
    assert list(metrics) == [
        "pointing game",
        "relevance mass accuracy",
        "relevance rank accuracy",
        "insertion",
        "deletion",
        "step fidelity",
        "forward prediction",
        "forward prediction, top 5 %",
        "posterior check",
        "estimator check",
        "value of looking",
        "parameter randomisation, EIG maps",
        "parameter randomisation, imagined images",
        "probe selectivity",
    ]
    written = tiny_explanation.to_json()["evidence"]
    assert list(written) == list(metrics)
    for numbers in written.values():
        assert numbers["nulls"]
        assert set(numbers["margins"]) == set(numbers["nulls"])
        assert set(numbers["value"]) == {"value", "low", "high"}


def test_the_curves_are_written_beside_the_metrics(tiny_explanation: Explanation) -> None:
    curves, evidence = tiny_explanation.to_json()["evidence_curves"], tiny_explanation.evidence
    assert list(curves) == ["removal", "estimator check", "parameter randomisation", "probe selectivity"]
    assert curves["removal"]["deletion"][BEST] == evidence.removal.deletion[BEST].to_json()
    assert curves["estimator check"] == evidence.estimator.to_json()
    agents = [TRAINED, "heads", "core", "glimpse network, top", "glimpse network, bottom", OTHER_IMAGE]
    assert all(list(curve) == agents for curve in curves["parameter randomisation"].values())
    num_glimpses = tiny_explanation.recording.hidden.shape[1]
    assert all(len(curve["value"]) == num_glimpses for curve in curves["probe selectivity"].values())


def test_an_agent_that_offers_no_random_layers_has_all_other_metrics(world_recording: Callable[..., Any]) -> None:
    world, recording = world_recording()
    evidence = evidence_of(world, recording)
    assert evidence.randomisation is None
    assert evidence.curves_to_json()["parameter randomisation"] is None
    assert not any("randomisation" in metric.name for metric in evidence.metrics)
