"""The numbers of an explanation, in tables that a person can read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from explain.explanation import Explanation
from explain.knowledge.intervals import Estimate
from explain.reconstruction.evaluation import ReconstructionEvaluation
from explain.report.failures import Failure

UNDEFINED = "not defined"
Style = Callable[[float], str]
"""Writes a number."""


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table.

    Attributes:
        text: A number or a word.
        interval: Where the number lies; empty where it has no interval.
    """

    text: str
    interval: str = ""

    def __str__(self) -> str:
        return f"{self.text} [{self.interval}]" if self.interval else self.text


@dataclass(frozen=True)
class Table:
    """A table whose first column says what its rows are.

    Attributes:
        caption: What it shows, and in what units.
        header: One name a column.
        rows: As many cells each.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def two_digits(number: float) -> str:
    """A number of nats, or a correlation.

    Example:
        >>> two_digits(-0.001), two_digits(1.5)
        ('0.00', '1.50')
    """
    return _write(number, 2)


def four_digits(number: float) -> str:
    """A squared error a pixel."""
    return _write(number, 4)


def percent(share: float) -> str:
    """A share, in %."""
    return _write(100 * share, 1)


def cell(estimate: Estimate, style: Style) -> Cell:
    """Writes a single estimate with its interval.

    Example:
        >>> str(cell(Estimate(*torch.tensor([0.5, 0.4, 0.6])), percent))
        '50.0 [40.0 to 60.0]'
    """
    value, low, high = (style(float(part)) for part in (estimate.value, estimate.low, estimate.high))
    return Cell(value, "" if value == UNDEFINED else f"{low} to {high}")


def at(estimate: Estimate, glimpse: int) -> Estimate:
    """The part of an estimate `(T,)` that belongs to one glimpse, counted from 0, or backwards from -1."""
    return Estimate(estimate.value[glimpse], estimate.low[glimpse], estimate.high[glimpse])


def tables_of(explanation: Explanation, failures: Sequence[Failure]) -> dict[str, Table]:
    """All tables of a report, by name."""
    curves, looks = explanation.curves, explanation.location_policies
    return {
        "information": by_glimpse(
            "What it knew after each glimpse: accuracy and calibration error in %, all else in nats",
            {
                "accuracy": (curves.accuracy, percent),
                "information gain": (curves.information_gain, two_digits),
                "label information": (curves.label_information, two_digits),
                "false certainty": (curves.overconfidence, two_digits),
                "calibration error": (curves.calibration_error, percent),
            },
        ),
        "errors": by_glimpse(
            "Mean squared error a pixel of what is imagined after each glimpse",
            {
                "from its hidden states": (explanation.reconstruction.error, four_digits),
                "from those of other images": (explanation.reconstruction.shuffled, four_digits),
                "from a perfect memory": (explanation.reconstruction.oracle_memory, four_digits),
            },
        ),
        "losses": losses_table(explanation.reconstruction),
        "references": Table(
            "Mean squared error a pixel of what does not depend on glimpses",
            ["imagined", "error"],
            [
                [Cell("the mean image"), cell(explanation.reconstruction.mean_image, four_digits)],
                [Cell("the mean image of the true class"), cell(explanation.reconstruction.mean_of_class, four_digits)],
                [
                    Cell("by a VAE that is given the original"),
                    cell(explanation.reconstruction.full_image_oracle, four_digits),
                ],
            ],
        ),
        "rank_correlation": by_glimpse(
            "Rank correlation of expected information gain and gain over all places of a map, mean over images",
            {"rank correlation": (explanation.eig_validation.rank_correlation, two_digits)},
        ),
        "looks": by_glimpse(
            "Images whose class is believed in most, in %, by who chose where to look",
            {look: (one.accuracy, percent) for look, one in looks.items()},
        ),
        "probe": Table(
            "Images whose class is found, in %",
            ["glimpse", "by a linear probe of the hidden state", "by the agent itself"],
            [
                [Cell(str(number + 1)), Cell(percent(float(share))), cell(at(curves.accuracy, number), percent)]
                for number, share in enumerate(explanation.probe)
            ],
        ),
        "failures": failures_table(failures),
    }


def by_glimpse(caption: str, columns: Mapping[str, tuple[Estimate, Style]]) -> Table:
    """A row for each glimpse, and a column for each estimate `(T,)`."""
    glimpses = len(next(iter(columns.values()))[0].value)
    rows = [
        [Cell(str(glimpse + 1)), *(cell(at(estimate, glimpse), style) for estimate, style in columns.values())]
        for glimpse in range(glimpses)
    ]
    return Table(caption, ["glimpse", *columns], rows)


def losses_table(reconstruction: ReconstructionEvaluation) -> Table:
    """Where the error comes from: what the code cannot hold, what was not looked at, and what was not remembered."""
    limit = reconstruction.full_image_oracle.value.expand_as(reconstruction.error.value)
    seen, error = reconstruction.oracle_memory.value, reconstruction.error.value
    parts = torch.stack([limit, seen - limit, error - seen, error], dim=1).tolist()
    return Table(
        "Where the error comes from: the first three numbers of a row add up to the last",
        ["glimpse", "limit of the code", "not looked at", "not remembered", "error"],
        [[Cell(str(number)), *map(Cell, map(four_digits, row))] for number, row in enumerate(parts, start=1)],
    )


def failures_table(failures: Sequence[Failure]) -> Table:
    """A row for each failure."""
    return Table(
        "The most confident wrong answers, by number of the image in the split; beliefs in % after the last glimpse",
        ["image", "is", "answer", "belief in it", "belief in the truth", "right after glimpse"],
        [
            [
                Cell(str(one.index)),
                Cell(one.label),
                Cell(one.answers[-1]),
                Cell(percent(one.confidences[-1])),
                Cell(percent(one.beliefs_in_label[-1])),
                Cell(", ".join(str(number) for number in one.right_after) or "never"),
            ]
            for one in failures
        ],
    )


def _write(number: float, digits: int) -> str:
    if math.isnan(number):
        return UNDEFINED
    written = f"{number:.{digits}f}"
    # Rounded to 0, a number has no sign; a hyphen is too short for one.
    return written.lstrip("-") if float(written) == 0 else written.replace("-", "\N{MINUS SIGN}")
