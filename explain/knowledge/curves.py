"""What an agent knew after each glimpse, on average over images: the curves that a study plots."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from explain.knowledge import information
from explain.knowledge.intervals import Bootstrap, Estimate
from explain.recording import Recording


@dataclass(frozen=True)
class InformationCurves:
    """Means over images after each glimpse, `(T,)`, with bootstrap intervals; of two agents, the differences.

    Attributes:
        entropy: Of the belief, H, in nats.
        information_gain: `log C - H`, in nats.
        gain_since_first: `H_1 - H_t`, in nats.
        label_information: `log C + log p(y)`, in nats.
        overconfidence: Information gain less label information, in nats.
        accuracy: Share of images whose class was believed in most.
        calibration_error: Expected calibration error, in [0, 1].
    """

    entropy: Estimate
    information_gain: Estimate
    gain_since_first: Estimate
    label_information: Estimate
    overconfidence: Estimate
    accuracy: Estimate
    calibration_error: Estimate

    def to_json(self) -> dict[str, Any]:
        """This as plain numbers."""
        return {field.name: getattr(self, field.name).to_json() for field in fields(self)}


def information_curves(recording: Recording, bootstrap: Bootstrap) -> InformationCurves:
    """Estimates what an agent knew after each glimpse.

    Args:
        recording: `N` images, `T` glimpses.
        bootstrap: Of `N` images.

    Raises:
        ValueError: The bootstrap is of more or fewer images.

    Example:
        >>> import gymnasium as gym, glimpse_env
        >>> from agents import REINFORCE
        >>> from explain import record
        >>> agent = REINFORCE("GlimpseDigits-v0", seed=0)
        >>> recording = record(agent, agent.make_vec_env(60, split="test"), 60)
        >>> information_curves(recording, Bootstrap(60)).accuracy.value.shape
        torch.Size([6])
    """
    means = {name: bootstrap.mean(values) for name, values in quantities(recording).items()}
    calibration = bootstrap.of_mean(calibration_gaps(recording), information.expected_calibration_error)
    return InformationCurves(**means, calibration_error=calibration)


def compare_curves(one: Recording, other: Recording, bootstrap: Bootstrap) -> InformationCurves:
    """Estimates by how much one agent exceeds another on the same images, with paired intervals.

    Args:
        one: `N` images, `T` glimpses.
        other: Another agent on the same images, with as many glimpses.
        bootstrap: Of `N` images.

    Raises:
        ValueError: The recordings are not of the same images and as many glimpses, or the bootstrap is of more or fewer
            images.
    """
    if one.beliefs.shape != other.beliefs.shape:
        raise ValueError(
            "expected two recordings of as many images, glimpses and classes, "
            f"got {tuple(one.beliefs.shape)} and {tuple(other.beliefs.shape)}"
        )
    # The same numbers do not make them the same: they may be of two splits.
    if not torch.equal(one.originals, other.originals):
        raise ValueError("expected two recordings of the same images, got other images in the second")
    first, second = quantities(one), quantities(other)
    means = {name: bootstrap.mean(first[name] - second[name]) for name in first}
    gaps = torch.stack([calibration_gaps(one), calibration_gaps(other)], dim=1)  # (N, 2, T, num_bins)

    def difference(mean_gaps: Tensor) -> Tensor:
        error = information.expected_calibration_error(mean_gaps)
        return error[:, 0] - error[:, 1]

    return InformationCurves(**means, calibration_error=bootstrap.of_mean(gaps, difference))


def quantities(recording: Recording) -> dict[str, Tensor]:
    """What the curves are the means of, each `(N, T)`."""
    # In double precision, since differences of entropies near 0 would otherwise be rounding.
    beliefs, labels = recording.beliefs.double(), recording.labels
    gain, known = information.information_gain(beliefs), information.label_information(beliefs, labels)
    return {
        "entropy": information.entropy(beliefs),
        "information_gain": gain,
        "gain_since_first": information.gain_since_first(beliefs),
        "label_information": known,
        "overconfidence": gain - known,
        "accuracy": information.is_correct(beliefs, labels).double(),
    }


def calibration_gaps(recording: Recording) -> Tensor:
    """What the calibration error is computed from, `(N, T, num_bins)`; see `information.calibration_gaps`."""
    beliefs, labels = recording.beliefs, recording.labels
    return information.calibration_gaps(beliefs, labels)
