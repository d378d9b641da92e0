"""Tables that compare variants over all seeds of an experiment."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import torch

from explain.knowledge.intervals import Estimate, over_seeds


class Quantity(NamedTuple):
    """How a quantity is written."""

    name: str
    factor: float
    decimals: int

    def write(self, one: Estimate, glimpse: int) -> str:
        """The mean after a glimpse, and half of its interval, which a single seed has not."""
        value, half = (self.factor * number.item() for number in (one.value[glimpse], (one.high - one.value)[glimpse]))
        mean = f"{value:.{self.decimals}f}"
        return f"{mean} ± {half:.{self.decimals}f}" if math.isfinite(half) else mean


QUANTITIES = {
    "accuracy": Quantity("right, %", 100, 1),
    "information_gain": Quantity("log C - H, nats", 1, 3),
    "label_information": Quantity("label information, nats", 1, 3),
    "confidently_wrong": Quantity("wrong at a belief of 0.9, %", 100, 2),
    "calibration_error": Quantity("calibration error, %", 100, 2),
    "gain_since_first": Quantity("H1 - H, nats", 1, 3),
    "reconstruction_error": Quantity("squared error a pixel", 1, 4),
}
"""What is compared, by its name in the results."""


def estimate(results: pd.DataFrame, dataset: str, variant: str, quantity: str) -> Estimate:
    """The mean over seeds of a quantity after each glimpse, `(T,)`.

    Args:
        results: A row for each data set, variant, seed and glimpse.
        dataset: Which data set.
        variant: Which variant.
        quantity: Which column.
    """
    rows = results[(results.dataset == dataset) & (results.variant == variant)]
    return over_seeds(torch.tensor(rows.pivot(index="seed", columns="glimpse", values=quantity).to_numpy()))


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each data set and variant, with all quantities after the last glimpse."""
    return _table(
        results,
        lambda dataset, variant: {
            quantity.name: quantity.write(estimate(results, dataset, variant, column), -1)
            for column, quantity in QUANTITIES.items()
        },
    )


def by_glimpse(results: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """A row for each data set and variant, with one quantity after each glimpse."""

    def cells(dataset: str, variant: str) -> dict[str, str]:
        one = estimate(results, dataset, variant, quantity)
        return {str(glimpse + 1): QUANTITIES[quantity].write(one, glimpse) for glimpse in range(len(one.value))}

    return _table(results, cells)


def _table(results: pd.DataFrame, cells: Callable[[str, str], dict[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {"data set": dataset, "variant": variant, "seeds": group.seed.nunique(), **cells(str(dataset), str(variant))}
        for (dataset, variant), group in results.groupby(["dataset", "variant"], sort=False)
    )


def markdown(table: pd.DataFrame) -> list[str]:
    """The lines of a table in Markdown, with an empty one before and after."""
    rows = (table.columns, ["---"] * len(table.columns), *table.values)
    return ["", *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]
