"""The suite: all metrics that test an explanation, computed from what the explanation consists of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from explain.eig.validation import EIGValidation
from explain.evidence.estimator_check import EstimatorCheck, estimator_check
from explain.evidence.forward_prediction import MIN_IMAGES, forward_prediction
from explain.evidence.localisation import brightness_map, localisation, places_on_image
from explain.evidence.metric import Metric
from explain.evidence.parameter_randomisation import (
    ParameterRandomisation,
    RandomisableAgent,
    parameter_randomisation,
)
from explain.evidence.posterior_check import posterior_check
from explain.evidence.probe_selectivity import ProbeSelectivity
from explain.evidence.removal import RemovalCurves, removal_curves
from explain.evidence.step_fidelity import costs_of_loss, step_fidelity
from explain.evidence.value_network import value_of_looking
from explain.knowledge.intervals import Bootstrap
from explain.reconstruction.vae import HiddenStateVAE, to_unit
from explain.recording import Recording
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.dataset_rollout import Agent


@dataclass(frozen=True, eq=False)
class Evidence:
    """How an explanation stood its tests.

    Attributes:
        metrics: Each with its nulls. Localisation is among them only if images lie among distractors, forward
            prediction only if there are enough images, parameter randomisation only if the agent offers it.
        removal: The curves behind the metrics insertion and deletion.
        estimator: Bias and spread of the expected information gain by the number of imagined canvases.
        randomisation: The similarities behind parameter randomisation; None if the agent offers no random layers.
        probe: The curves behind probe selectivity; None if it was not computed.
    """

    metrics: tuple[Metric, ...]
    removal: RemovalCurves
    estimator: EstimatorCheck
    randomisation: ParameterRandomisation | None = None
    probe: ProbeSelectivity | None = None

    def with_probe(self, probe: ProbeSelectivity) -> Evidence:
        """The same with probe selectivity, which takes more episodes than those that have maps."""
        return replace(self, metrics=(*self.metrics, probe.metric), probe=probe)

    def to_json(self) -> dict[str, Any]:
        """The metrics as plain numbers and words, by name."""
        return {metric.name: metric.to_json() for metric in self.metrics}

    def curves_to_json(self) -> dict[str, Any]:
        """The curves behind some metrics as plain numbers, by the name of the test; None if it was not made."""
        curves: dict[str, RemovalCurves | EstimatorCheck | ParameterRandomisation | ProbeSelectivity | None] = {
            "removal": self.removal,
            "estimator check": self.estimator,
            "parameter randomisation": self.randomisation,
            "probe selectivity": self.probe,
        }
        return {name: None if one is None else one.to_json() for name, one in curves.items()}


def collect_evidence(
    agent: Agent,
    train: Recording,
    recording: Recording,
    validation: EIGValidation,
    canvas_vae: HiddenStateVAE,
    bootstrap: Bootstrap,
    *,
    corners: Tensor | None = None,
    num_samples: int = 16,
    seed: int = 0,
) -> Evidence:
    """Computes all metrics.

    Args:
        agent: The agent that was recorded.
        train: The agent on training images.
        recording: The agent on `N` test images, `T` glimpses, at least 2.
        validation: Maps of expected information gain of this recording.
        canvas_vae: What imagined the canvases of these maps.
        bootstrap: Of `N` images.
        corners: Pixel column and row of each image's top-left corner on its canvas, `(N, 2)` int64, if the canvas has
            distractors.
        num_samples: Canvases that were drawn for each hidden state for these maps.
        seed: Determines random orders, random layers and what is imagined.
    """
    locations, maps = validation.maps.locations, validation.maps.divergence[:, :-1]
    metrics: list[Metric] = []
    if corners is not None:
        height, width = recording.canvases.shape[-2:]
        on_image = places_on_image(recording.originals, corners, (height, width), locations)
        brightness = brightness_map(recording.canvases, recording.retina, locations)
        metrics += localisation(maps, on_image, brightness, bootstrap)
    removal = removal_curves(agent, recording, maps[:, 0], locations, bootstrap, seed=seed)
    metrics += removal.metrics
    metrics.append(step_fidelity(validation.gained, costs_of_loss(agent, recording), bootstrap, seed=seed))
    if len(recording) >= MIN_IMAGES:
        metrics += forward_prediction(maps, locations, recording.locations[:, 1:], bootstrap)
    metrics.append(posterior_check(canvas_vae, recording.hidden, to_unit(recording.canvases), bootstrap, seed=seed))
    estimator = estimator_check(
        agent, recording, validation.maps, canvas_vae.sample, num_samples=num_samples, seed=seed
    )
    metrics += [estimator.metric, value_of_looking(agent, train, recording, maps, locations, bootstrap, seed=seed)]
    randomisation = None
    subject = agent.agent if isinstance(agent, RecurrentAgent) else agent
    if isinstance(subject, RandomisableAgent):
        randomisation = parameter_randomisation(
            subject, recording, maps, canvas_vae.sample, locations, num_samples=num_samples, seed=seed
        )
        metrics += randomisation.metrics
    return Evidence(tuple(metrics), removal, estimator, randomisation)
