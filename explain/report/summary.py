"""The headlines of an explanation, and checks of whether it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from explain.explanation import EIG_POLICY, LEARNED_POLICY, Explanation
from explain.knowledge.curves import InformationCurves
from explain.knowledge.intervals import Estimate
from explain.reconstruction.evaluation import ReconstructionEvaluation, failed_ceilings
from explain.report.tables import at, cell, four_digits, percent, two_digits


@dataclass(frozen=True)
class Headline:
    """A main result.

    Attributes:
        number: The number with its unit, which is shown large.
        sentence: What the number means, in full sentences.
    """

    number: str
    sentence: str


@dataclass(frozen=True)
class Check:
    """A test that an explanation should pass.

    Attributes:
        question: A question whose answer is yes if the explanation can be trusted.
        holds: Whether the answer is yes.
        evidence: The numbers behind the answer.
    """

    question: str
    holds: bool
    evidence: str


def headlines_of(explanation: Explanation) -> list[Headline]:
    """Returns the main results, which a report begins with."""
    curves, validation = explanation.curves, explanation.eig_validation
    correct = at(curves.accuracy, -1)
    accuracies = {name: at(one.accuracy, -1) for name, one in explanation.location_policies.items()}
    learned = accuracies.pop(LEARNED_POLICY)
    return [
        Headline(
            f"{cell(correct, percent).text} %",
            f"The agent classifies {_percentage(correct)} of {len(explanation.recording):,} images correctly after the "
            f"last glimpse, and {_percentage(at(curves.accuracy, 0))} after the first. Whoever always names the most "
            f"frequent class is correct on {percent(_most_frequent(explanation))} %.",
        ),
        _information_headline(curves, len(explanation.class_names)),
        _reconstruction_headline(explanation.reconstruction),
        Headline(
            two_digits(float(validation.partial_correlation.value)),
            "This is how well the expected information gain (EIG) predicts what the next glimpse tells, beyond how "
            "uncertain the agent is: the partial rank correlation, given the entropy of the belief, is "
            f"{cell(validation.partial_correlation, two_digits)}. Chance has 0, a perfect prediction 1. Without that "
            f"control it is {cell(validation.location_correlation, two_digits)}, but the entropy alone, which knows no "
            f"location, has {cell(validation.entropy_correlation, two_digits)}. Over the locations of one image, the "
            "rank correlation of EIG and gain is "
            f"{', '.join(map(two_digits, validation.rank_correlation.value.tolist()))} after each glimpse but the "
            "last.",
        ),
        Headline(
            f"{cell(learned, percent).text} %",
            f"Where to look matters, if other ways of looking do worse. On {_some(explanation)} the agent classifies "
            f"{_percentage(learned)} correctly where it looks as it learned to. With the same core and classifier, "
            f"other location policies reach: {_percentages(accuracies)}.",
        ),
    ]


def _most_frequent(explanation: Explanation) -> float:
    """Returns the fraction of images of the most frequent class."""
    labels = explanation.recording.labels
    return float(labels.bincount().max()) / len(labels)


def _some(explanation: Explanation) -> str:
    """Says on how many images location policies are compared, and why the accuracy may differ from that of all."""
    count, everything = explanation.settings.policy_images, len(explanation.recording)
    if count == everything:
        return "the same images,"
    return f"the first {count:,} of these {everything:,} images, because the EIG policy takes long,"


def _information_headline(curves: InformationCurves, num_classes: int) -> Headline:
    gain, label_information, overconfidence = (
        at(one, -1) for one in (curves.information_gain, curves.label_information, curves.overconfidence)
    )
    verdict = "The agent is about as confident as it should be"
    if float(overconfidence.low) > 0:
        verdict = "The agent is overconfident"
    elif float(overconfidence.high) < 0:
        verdict = "The agent is underconfident"
    return Headline(
        f"{two_digits(float(label_information.value))} nats",
        f"So much the beliefs tell about the true class after the last glimpse. The label information (log score) is "
        f"{cell(label_information, two_digits)} nats, of at most {two_digits(math.log(num_classes))}. A belief that "
        f"gives all classes the same probability has 0. The information gain is {cell(gain, two_digits)} nats; it "
        f"counts certainty, whether the answer is correct or not. {verdict}.",
    )


def _reconstruction_headline(reconstruction: ReconstructionEvaluation) -> Headline:
    error = at(reconstruction.error, -1)
    reduction = 1 - float(error.value / reconstruction.mean_of_class.value)
    difference = f"{percent(abs(reduction))} %"
    return Headline(
        difference,
        f"The image reconstructed from the last hidden state has {difference} {'less' if reduction > 0 else 'more'} "
        f"squared error than the mean image of the true class: {cell(error, four_digits)} per pixel compared with "
        f"{cell(reconstruction.mean_of_class, four_digits)}. The full-image oracle, a VAE that is given the original, "
        f"has {cell(reconstruction.full_image_oracle, four_digits)}.",
    )


def checks_of(explanation: Explanation) -> list[Check]:
    """Checks whether the explanation can be trusted, with a control for each claim."""
    reconstruction, validation = explanation.reconstruction, explanation.eig_validation
    error, shuffled = at(reconstruction.error, -1), at(reconstruction.shuffled, -1)
    correlations, of_others = validation.rank_correlation, validation.place_correlation
    overconfidence = at(explanation.curves.overconfidence, -1)
    accuracies = {name: at(curves.accuracy, -1) for name, curves in explanation.location_policies.items()}
    others = {name: accuracy for name, accuracy in accuracies.items() if name not in (LEARNED_POLICY, EIG_POLICY)}
    checks = [
        Check(
            "Do reconstructions depend on the hidden state?",
            _is_below(error, shuffled),
            f"After the last glimpse, the squared error per pixel is {cell(error, four_digits)} from the agent's "
            f"hidden states and {cell(shuffled, four_digits)} from shuffled ones.",
        ),
        Check(
            "Does the control fail, as it should?",
            not _is_below(shuffled, reconstruction.mean_image),
            "Shuffled hidden states should give no lower squared error per pixel than the mean image. They give "
            f"{cell(shuffled, four_digits)}, and the mean image has {cell(reconstruction.mean_image, four_digits)}.",
        ),
        Check(
            "Do reconstructions show the image, and not only its class?",
            _is_below(error, reconstruction.mean_of_class),
            f"The squared error per pixel is {cell(error, four_digits)}. The mean image of the true class has "
            f"{cell(reconstruction.mean_of_class, four_digits)}.",
        ),
        Check(
            "Are the ceilings ceilings?",
            not failed_ceilings(reconstruction),
            "The oracle memory should have no larger error than the agent's hidden states, and the full-image oracle "
            f"no larger one than the oracle memory. {_describe_ceilings(failed_ceilings(reconstruction))}",
        ),
        Check(
            "Does the expected information gain rank locations as the information gained there does?",
            bool((correlations.low > of_others.value.clamp(min=0)).all()),
            "The mean rank correlations after each glimpse but the last are "
            f"{', '.join(map(two_digits, correlations.value.tolist()))}. Their intervals should start above 0, and "
            "above what the mean gain of other images has, which knows nothing of the image: "
            f"{', '.join(map(two_digits, of_others.value.tolist()))}.",
        ),
        Check(
            "Does the expected information gain predict the gain at the locations that the agent looked at, beyond "
            "what its uncertainty predicts?",
            float(validation.partial_correlation.low) > 0,
            "The partial rank correlation, given the entropy of the belief before looking, is "
            f"{cell(validation.partial_correlation, two_digits)}. Its interval should start above 0. The rank "
            f"correlation is {cell(validation.location_correlation, two_digits)} with the expected information gain, "
            f"and {cell(validation.entropy_correlation, two_digits)} with the entropy, which knows no location.",
        ),
        Check(
            "Are the beliefs free of overconfidence?",
            not float(overconfidence.low) > 0,
            f"The overconfidence after the last glimpse is {cell(overconfidence, two_digits)} nats.",
        ),
    ]
    if others:
        checks.append(
            Check(
                f"Is the {EIG_POLICY} better than all other location policies except the learned one?",
                all(_is_below(other, accuracies[EIG_POLICY]) for other in others.values()),
                f"Images classified correctly: {_percentages({EIG_POLICY: accuracies[EIG_POLICY], **others})}.",
            )
        )
    return checks


def _describe_ceilings(failed: Sequence[str]) -> str:
    if not failed:
        return "They have not."
    return f"Not so: {'; '.join(failed)}. Such a VAE needs more images or epochs, and says nothing until then."


def _percentage(estimate: Estimate) -> str:
    """Writes a fraction in % with its interval."""
    written = cell(estimate, percent)
    return f"{written.text} % [{written.interval}]"


def _percentages(estimates: Mapping[str, Estimate]) -> str:
    return ", ".join(f"{name} {_percentage(estimate)}" for name, estimate in estimates.items())


def _is_below(one: Estimate, other: Estimate) -> bool:
    """Returns whether the whole interval of one estimate is below that of another."""
    return bool(one.high < other.low)
