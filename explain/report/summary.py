"""What an explanation comes to, in sentences with numbers, and whether it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from explain.explanation import EIG_POLICY, LEARNED_POLICY, Explanation
from explain.knowledge.curves import InformationCurves
from explain.knowledge.intervals import Estimate
from explain.reconstruction.evaluation import ReconstructionEvaluation
from explain.report.tables import at, cell, four_digits, percent, two_digits


@dataclass(frozen=True)
class Headline:
    """A number that matters.

    Attributes:
        number: The number, with its unit.
        sentence: What it says.
    """

    number: str
    sentence: str


@dataclass(frozen=True)
class Check:
    """A question about the explanation, and its answer.

    Attributes:
        question: It asks for yes, if the explanation is to be trusted.
        holds: Whether the answer is yes.
        evidence: The numbers that say so.
    """

    question: str
    holds: bool
    evidence: str


def headlines_of(explanation: Explanation) -> list[Headline]:
    """The findings that a report begins with."""
    curves, correlation = explanation.curves, explanation.eig_validation.location_correlation
    own = cell(at(explanation.location_policies[LEARNED_POLICY].accuracy, -1), percent)
    others = {
        look: at(one.accuracy, -1) for look, one in explanation.location_policies.items() if look != LEARNED_POLICY
    }
    right = cell(at(curves.accuracy, -1), percent)
    return [
        Headline(
            f"{right.text} %",
            f"of {len(explanation.recording):,} images are right after the last glimpse [{right.interval}]. After the "
            f"first, {_share(at(curves.accuracy, 0))} are.",
        ),
        _gained(curves, len(explanation.class_names)),
        _imagined(explanation.reconstruction),
        Headline(
            two_digits(float(correlation.value)),
            "is the rank correlation between the gain that was to be expected of the place where the agent then looked "
            f"and the gain that it got: {cell(correlation, two_digits)}. 1 would be perfect, 0 is chance.",
        ),
        Headline(
            f"{own.text} %",
            "are right in the end where the agent looks its own way, on the images on which ways to look were compared "
            f"[{own.interval}]. With the same core and classifier, but looking elsewhere: {_shares(others)}.",
        ),
    ]


def _gained(curves: InformationCurves, num_classes: int) -> Headline:
    gain, known, excess = (
        at(one, -1) for one in (curves.information_gain, curves.label_information, curves.overconfidence)
    )
    verdict = "it is about as sure as it is right"
    if float(excess.low) > 0:
        verdict = "it is surer than it is right"
    elif float(excess.high) < 0:
        verdict = "it could be surer than it is"
    return Headline(
        f"{two_digits(float(gain.value))} nats",
        f"of information gain after the last glimpse [{cell(gain, two_digits).interval}], of "
        f"{two_digits(math.log(num_classes))} that are possible. The label information is {cell(known, two_digits)} "
        f"nats: {verdict}.",
    )


def _imagined(reconstruction: ReconstructionEvaluation) -> Headline:
    error = at(reconstruction.error, -1)
    less = 1 - float(error.value / reconstruction.mean_of_class.value)
    return Headline(
        f"{percent(abs(less))} %",
        f"{'less' if less > 0 else 'more'} squared error has the image that is imagined from the last hidden state "
        f"than the mean image of the true class: {cell(error, four_digits)} a pixel in place of "
        f"{cell(reconstruction.mean_of_class, four_digits)}. What is imagined by a VAE that is given the original has "
        f"{cell(reconstruction.full_image_oracle, four_digits)}.",
    )


def checks_of(explanation: Explanation) -> list[Check]:
    """Whether the explanation can be trusted: what must hold, each beside its control."""
    reconstruction, validation = explanation.reconstruction, explanation.eig_validation
    error, control = at(reconstruction.error, -1), at(reconstruction.shuffled, -1)
    correlations = validation.rank_correlation
    excess = at(explanation.curves.overconfidence, -1)
    accuracies = {look: at(curves.accuracy, -1) for look, curves in explanation.location_policies.items()}
    others = {look: accuracy for look, accuracy in accuracies.items() if look not in (LEARNED_POLICY, EIG_POLICY)}
    checks = [
        Check(
            "Is the imagined image made of what the agent remembers?",
            _below(error, control),
            f"Squared error {cell(error, four_digits)} from its own hidden states after the last glimpse, "
            f"{cell(control, four_digits)} from those of other images.",
        ),
        Check(
            "Does the control fail, as it must?",
            not _below(control, reconstruction.mean_image),
            f"From hidden states of other images, nothing better than the mean image may come: squared error "
            f"{cell(control, four_digits)}, the mean image {cell(reconstruction.mean_image, four_digits)}.",
        ),
        Check(
            "Does it show this image, and not only its class?",
            _below(error, reconstruction.mean_of_class),
            f"Squared error {cell(error, four_digits)}, the mean image of the true class "
            f"{cell(reconstruction.mean_of_class, four_digits)}.",
        ),
        Check(
            "Does expected information gain rank places as the gain there does?",
            bool((correlations.low > 0).all()),
            f"Mean rank correlation after each glimpse: {', '.join(map(two_digits, correlations.value.tolist()))}; "
            f"intervals begin at {two_digits(float(correlations.low.min()))} or higher. To be above 0 is "
            "enough for yes.",
        ),
        Check(
            "Does it foretell what the agent gained where it looked?",
            float(validation.location_correlation.low) > 0,
            f"Rank correlation {cell(validation.location_correlation, two_digits)}. To be above 0 is enough for yes.",
        ),
        Check(
            "Are the beliefs no surer than they are right?",
            not float(excess.low) > 0,
            f"False certainty after the last glimpse is {cell(excess, two_digits)} nats.",
        ),
    ]
    if others:
        checks.append(
            Check(
                "Is looking by expected information gain better than all other ways, but the agent's own?",
                all(_below(other, accuracies[EIG_POLICY]) for other in others.values()),
                f"Right in the end: {_share(accuracies[EIG_POLICY])} {EIG_POLICY}, {_shares(others)}.",
            )
        )
    return checks


def _share(estimate: Estimate) -> str:
    """Writes a share in % with its interval."""
    written = cell(estimate, percent)
    return f"{written.text} % [{written.interval}]"


def _shares(estimates: Mapping[str, Estimate]) -> str:
    return ", ".join(f"{_share(estimate)} {name}" for name, estimate in estimates.items())


def _below(one: Estimate, other: Estimate) -> bool:
    """Whether one estimate is less than another, so clearly that their intervals do not meet."""
    return bool(one.high < other.low)
