"""The suite: all metrics that test an explanation, computed from what the explanation consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from explain.eig.validation import EIGValidation
from explain.evidence.forward_prediction import MIN_IMAGES, forward_prediction
from explain.evidence.localisation import brightness_map, localisation, places_on_image
from explain.evidence.metric import Metric
from explain.evidence.posterior_check import posterior_check
from explain.evidence.removal import RemovalCurves, removal_curves
from explain.evidence.step_fidelity import costs_of_loss, step_fidelity
from explain.knowledge.intervals import Bootstrap
from explain.reconstruction.vae import HiddenStateVAE, to_unit
from explain.recording import Recording
from glimpse_env.dataset_rollout import Agent


@dataclass(frozen=True, eq=False)
class Evidence:
    """How an explanation stood its tests.

    Attributes:
        metrics: Each with its nulls. Localisation is among them only if images lie among distractors, forward
            prediction only if there are enough images.
        removal: The curves behind the metrics insertion and deletion.
    """

    metrics: tuple[Metric, ...]
    removal: RemovalCurves

    def to_json(self) -> dict[str, Any]:
        """The metrics as plain numbers and words, by name."""
        return {metric.name: metric.to_json() for metric in self.metrics}


def collect_evidence(
    agent: Agent,
    recording: Recording,
    validation: EIGValidation,
    canvas_vae: HiddenStateVAE,
    bootstrap: Bootstrap,
    *,
    corners: Tensor | None = None,
    seed: int = 0,
) -> Evidence:
    """Computes all metrics.

    Args:
        agent: The agent that was recorded.
        recording: `N` images, `T` glimpses, at least 2.
        validation: Maps of expected information gain of this recording.
        canvas_vae: What imagined the canvases of these maps.
        bootstrap: Of `N` images.
        corners: Pixel column and row of each image's top-left corner on its canvas, `(N, 2)` int64, if the canvas has
            distractors.
        seed: Determines random orders and what is imagined.
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
    return Evidence(tuple(metrics), removal)
