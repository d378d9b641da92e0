"""Probe selectivity: is the class in the memory, or would the probe learn any labels of these images?

A linear probe with as many weights as the hidden state has numbers may learn images by heart. The control task of
Hewitt and Liang (2019) asks how well it can. In their words an image is a type, and each episode with it a token:
every image gets a random label, the same in every episode. The probe is fitted on one episode of each image, and
evaluated on another episode of the same images, which begins elsewhere.

    selectivity = accuracy on the true labels - accuracy on the random labels
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explain.evidence.metric import Metric
from explain.knowledge.intervals import Bootstrap, Estimate
from explain.knowledge.probe import probe_predictions
from explain.recording import Recording
from glimpse_env.utils.layers import new_generator


@dataclass(frozen=True, eq=False)
class ProbeSelectivity:
    """How well a linear probe reads labels from the hidden state after each of `T` glimpses.

    Attributes:
        accuracy: Of the true labels, `(T,)`.
        control: Of random labels of the same images, `(T,)`.
        selectivity: The difference of the two, `(T,)`.
        metric: The selectivity, the mean over glimpses; its null are other random labels in place of the true ones.
    """

    accuracy: Estimate
    control: Estimate
    selectivity: Estimate
    metric: Metric

    def to_json(self) -> dict[str, Any]:
        """The curves over glimpses as plain numbers."""
        return {name: getattr(self, name).to_json() for name in ("accuracy", "control", "selectivity")}


def probe_selectivity(first: Recording, again: Recording, bootstrap: Bootstrap, *, seed: int = 0) -> ProbeSelectivity:
    """Computes how much better a linear probe learns the true labels than random ones (Hewitt and Liang 2019).

    Random labels are the true ones in random order, so that they are as frequent.

    Args:
        first: An episode with each of `N` images, which probes are fitted on.
        again: Another episode with each of the same images, which they are evaluated on.
        bootstrap: Of `N` images.
        seed: Determines the random labels.

    Raises:
        ValueError: The two recordings are not of the same images, or all images have one label.
    """
    if not torch.equal(first.indices.cpu(), again.indices.cpu()):
        raise ValueError("expected two recordings of the same images, got others")
    generator, labels = new_generator(seed), first.labels.cpu()

    def correct(labels: Tensor) -> Tensor:
        return (probe_predictions(first.hidden, labels, again.hidden) == labels[:, None]).double()  # (N, T)

    def random() -> Tensor:
        return correct(labels[torch.randperm(len(labels), generator=generator, device="cpu")])

    true, control = correct(labels), random()
    return ProbeSelectivity(
        accuracy=bootstrap.mean(true),
        control=bootstrap.mean(control),
        selectivity=bootstrap.mean(true - control),
        metric=Metric.over_images(
            "probe selectivity",
            "By how much does a linear probe of the memory learn the class better than random labels?",
            true - control,
            {"random labels": random() - control},
            bootstrap,
        ),
    )
