"""The numbers of an explanation as tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from explain.evidence.metric import Metric
from explain.explanation import Explanation
from explain.knowledge.intervals import Estimate
from explain.reconstruction.evaluation import ReconstructionEvaluation
from explain.report.failures import Failure

UNDEFINED, FAILED = "undefined", "ceiling failed"
Format = Callable[[float], str]
"""Writes a number as text."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: A number or a word.
        interval: The confidence interval of the number; empty if there is none.
    """

    text: str
    interval: str = ""

    def __str__(self) -> str:
        return f"{self.text} [{self.interval}]" if self.interval else self.text


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows.

    Attributes:
        caption: What the numbers are, with their units.
        header: The name of each column.
        rows: The cells of each row, as many as there are columns.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def two_digits(number: float) -> str:
    """Writes a number of nats or a correlation.

    Example:
        >>> two_digits(-0.001), two_digits(1.5)
        ('0.00', '1.50')
    """
    return _write(number, 2)


def four_digits(number: float) -> str:
    """Writes a squared error per pixel."""
    return _write(number, 4)


def percent(fraction: float) -> str:
    """Writes a fraction in %, without the sign."""
    return _write(100 * fraction, 1)


def cell(estimate: Estimate, write: Format) -> Cell:
    """Writes an estimate of a single number with its interval.

    Example:
        >>> str(cell(Estimate(*torch.tensor([0.5, 0.4, 0.6])), percent))
        '50.0 [40.0 to 60.0]'
    """
    value, low, high = (write(float(part)) for part in (estimate.value, estimate.low, estimate.high))
    return Cell(value, "" if value == UNDEFINED else f"{low} to {high}")


def at(estimate: Estimate, glimpse: int) -> Estimate:
    """Returns the estimate for one glimpse of an estimate `(T,)`; glimpses count from 0, or backwards from -1."""
    return Estimate(estimate.value[glimpse], estimate.low[glimpse], estimate.high[glimpse])


def tables_of(explanation: Explanation, failures: Sequence[Failure]) -> dict[str, Table]:
    """Makes all tables of a report, by their names."""
    curves, reconstruction, validation = explanation.curves, explanation.reconstruction, explanation.eig_validation
    return {
        "information": by_glimpse(
            "Knowledge after each glimpse: accuracy and calibration error in %, all other numbers in nats",
            {
                "accuracy": (curves.accuracy, percent),
                "information gain": (curves.information_gain, two_digits),
                "label information (log score)": (curves.label_information, two_digits),
                "overconfidence": (curves.overconfidence, two_digits),
                "calibration error": (curves.calibration_error, percent),
            },
        ),
        "reconstruction_errors": by_glimpse(
            "Mean squared error per pixel of the reconstruction after each glimpse",
            {
                "hidden states": (reconstruction.error, four_digits),
                "shuffled hidden states": (reconstruction.shuffled, four_digits),
                "oracle memory": (reconstruction.oracle_memory, four_digits),
            },
        ),
        "error_sources": error_sources_table(reconstruction),
        "references": Table(
            "Mean squared error per pixel of references that do not depend on the glimpses",
            ["reference", "error"],
            [
                [Cell("mean image"), cell(reconstruction.mean_image, four_digits)],
                [Cell("mean image of the true class"), cell(reconstruction.mean_of_class, four_digits)],
                [Cell("full-image oracle"), cell(reconstruction.full_image_oracle, four_digits)],
            ],
        ),
        "rank_correlation": by_glimpse(
            "Rank correlation with the information gained over all locations of a map, mean over images",
            {
                "expected information gain": (validation.rank_correlation, two_digits),
                "mean gain of other images (control)": (validation.place_correlation, two_digits),
            },
        ),
        "location_correlation": Table(
            "Rank correlation with the information gained at the locations that the agent looked at",
            ["predictor", "rank correlation"],
            [
                [Cell("expected information gain"), cell(validation.location_correlation, two_digits)],
                [Cell("entropy before looking (control)"), cell(validation.entropy_correlation, two_digits)],
                [
                    Cell("expected gain, given the entropy"),
                    cell(validation.partial_correlation, two_digits),
                ],
            ],
        ),
        "evidence": evidence_table(explanation.evidence.metrics),
        "location_policies": by_glimpse(
            "Images classified correctly with each location policy, in %",
            {name: (one.accuracy, percent) for name, one in explanation.location_policies.items()},
        ),
        "probe": Table(
            "Images classified correctly, in %",
            ["glimpse", "linear probe of the hidden state", "agent"],
            [
                [Cell(str(number + 1)), Cell(percent(float(accuracy))), cell(at(curves.accuracy, number), percent)]
                for number, accuracy in enumerate(explanation.probe)
            ],
        ),
        "failures": failures_table(failures),
    }


def by_glimpse(caption: str, columns: Mapping[str, tuple[Estimate, Format]]) -> Table:
    """Makes a table with a row for each glimpse and a column for each estimate `(T,)`."""
    glimpses = len(next(iter(columns.values()))[0].value)
    rows = [
        [Cell(str(glimpse + 1)), *(cell(at(estimate, glimpse), write) for estimate, write in columns.values())]
        for glimpse in range(glimpses)
    ]
    return Table(caption, ["glimpse", *columns], rows)


def error_sources_table(reconstruction: ReconstructionEvaluation) -> Table:
    """Splits the reconstruction error into the parts due to the latent code, to pixels not seen, and to memory.

    The parts are the error of the full-image oracle, the error that the oracle memory adds to it, and the error that
    the agent's hidden states add to that.
    """
    oracle_memory, error = reconstruction.oracle_memory.value, reconstruction.error.value
    code = reconstruction.full_image_oracle.value.expand_as(error)
    parts = torch.stack([code, oracle_memory - code, error - oracle_memory, error], dim=1).tolist()
    return Table(
        f"Sources of the reconstruction error; where no ceiling failed, the first three numbers of a row add up to the "
        f"last. {FAILED.capitalize()}: the oracle has a larger error than what it is to bound, so that it says nothing",
        ["glimpse", "limit of the latent code", "not seen", "not remembered", "error"],
        [
            [Cell(str(number)), *(Cell(four_digits(part) if part >= 0 else FAILED) for part in row)]
            for number, row in enumerate(parts, start=1)
        ],
    )


def evidence_table(metrics: Sequence[Metric]) -> Table:
    """Makes a table with a row for each metric, beside the null that comes nearest to it or beats it by most."""

    def row(metric: Metric) -> list[Cell]:
        strongest = min(metric.margins, key=lambda null: float(metric.margins[null].value.nan_to_num(math.inf)))
        return [
            Cell(metric.name),
            Cell(metric.question),
            Cell(metric.better),
            cell(metric.value, two_digits),
            Cell(f"{two_digits(float(metric.nulls[strongest].value))} ({strongest})"),
            Cell("yes" if metric.passes else "no"),
        ]

    return Table(
        "Tests of the explanation, each beside its strongest null; better than its nulls means than every one of them, "
        "by more than the 95 % interval of the difference",
        ["test", "what it asks", "good is", "value", "strongest null", "better than its nulls"],
        [row(metric) for metric in metrics],
    )


def failures_table(failures: Sequence[Failure]) -> Table:
    """Makes a table with a row for each failure."""
    return Table(
        "The most confident wrong answers, by the position of the image in the split; probabilities in %",
        ["image", "true class", "prediction", "probability of it", "of the true class", "correct after glimpse"],
        [
            [
                Cell(str(one.index)),
                Cell(one.label),
                Cell(one.predictions[-1]),
                Cell(percent(one.confidences[-1])),
                Cell(percent(one.label_probabilities[-1])),
                Cell(", ".join(str(number) for number in one.correct_glimpses) or "never"),
            ]
            for one in failures
        ],
    )


def _write(number: float, digits: int) -> str:
    if math.isnan(number):
        return UNDEFINED
    written = f"{number:.{digits}f}"
    # A number that is rounded to 0 has no sign, and a minus sign is wider than a hyphen.
    return written.lstrip("-") if float(written) == 0 else written.replace("-", "\N{MINUS SIGN}")
