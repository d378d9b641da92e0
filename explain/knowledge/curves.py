"""Curves of what an agent knew after each glimpse: means over images, with their intervals."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from explain.knowledge import information
from explain.knowledge.intervals import Bootstrap, Estimate, of_fraction
from explain.recording import Recording


@dataclass(frozen=True)
class InformationCurves:
    """Means over images after each glimpse, `(T,)`, with bootstrap intervals; that of the accuracy is Wilson's.

    With `p_t` the belief after glimpse t, `H_t` its entropy, `y` the label and `C` the number of classes:

    Attributes:
        entropy: `H_t`, in nats.
        information_gain: `log C - H_t`, in nats.
        gain_since_first: `H_1 - H_t`, in nats.
        label_information: `log C + log p_t(y)`, in nats.
        overconfidence: Information gain less label information, in nats: certainty that correct answers do not back.
            It is 0 on average where labels are distributed as the beliefs say.
        accuracy: The fraction of images whose most probable class is the label.
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
        ValueError: The bootstrap is of another number of images.

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
    means["accuracy"] = of_fraction(information.is_correct(recording.beliefs, recording.labels))
    return InformationCurves(**means, calibration_error=calibration)


def quantities(recording: Recording) -> dict[str, Tensor]:
    """The quantities of each image that the curves are the means of, each `(N, T)` float64."""
    # In double precision: differences of entropies near 0 would otherwise be rounding errors.
    beliefs, labels = recording.beliefs.double(), recording.labels
    gain = information.information_gain(beliefs)
    label_information = information.label_information(beliefs, labels)
    return {
        "entropy": information.entropy(beliefs),
        "information_gain": gain,
        "gain_since_first": information.gain_since_first(beliefs),
        "label_information": label_information,
        "overconfidence": gain - label_information,
        "accuracy": information.is_correct(beliefs, labels).double(),
    }


def calibration_gaps(recording: Recording) -> Tensor:
    """What the calibration error is computed from, `(N, T, num_bins)`; see `information.calibration_gaps`."""
    return information.calibration_gaps(recording.beliefs, recording.labels)
