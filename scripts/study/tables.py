"""Tables that compare the variants of an experiment, as means over seeds with 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd
import torch

from explain.knowledge.intervals import Estimate, over_seeds

CAPTION = "Means over seeds after the last glimpse, ± half of the 95 % interval (Student's t over seeds)."
NOTE = """\
Label information (log score) is log C minus the cross-entropy of the beliefs. It is a lower bound on the mutual
information between the label and the hidden state. The A2C variants use one-step A2C: the advantage is a one-step
temporal difference, where Mnih et al. (2016) use n-step returns."""


class Quantity(NamedTuple):
    """A column of the results as tables show it."""

    name: str
    """With its unit."""
    factor: float
    """From the unit of the results to that of the table."""
    decimals: int

    def write(self, estimate: Estimate, glimpse: int) -> str:
        """Writes the mean after a glimpse, and half of its interval unless there is only one seed."""
        half_width = estimate.high - estimate.value
        value, half = (self.factor * number[glimpse].item() for number in (estimate.value, half_width))
        mean = f"{value:.{self.decimals}f}"
        return f"{mean} ± {half:.{self.decimals}f}" if math.isfinite(half) else mean


QUANTITIES = {
    "accuracy": Quantity("correct, %", 100, 1),
    "information_gain": Quantity("information gain, nats", 1, 3),
    "label_information": Quantity("label information (log score), nats", 1, 3),
    "confidently_wrong": Quantity("wrong with a belief of at least 0.9, %", 100, 2),
    "calibration_error": Quantity("calibration error, %", 100, 2),
    "gain_since_first": Quantity("H1 - H, nats", 1, 3),
    "reconstruction_error": Quantity("squared error per pixel", 1, 4),
    "seconds": Quantity("training, seconds", 1, 0),
}
"""The quantities that are compared, by their columns in the results. Not every experiment measures all of them."""
GLIMPSE_TABLES = ("accuracy", "label_information", "information_gain", "confidently_wrong")
"""The quantities that have a table of their own, glimpse by glimpse."""


def estimate_over_seeds(results: pd.DataFrame, dataset: str, variant: str, quantity: str) -> Estimate:
    """Estimates the mean of a quantity over seeds after each glimpse, `(T,)`.

    Args:
        results: A row for each data set, variant, seed and glimpse.
        dataset: Which data set.
        variant: Which variant.
        quantity: Which column.
    """
    rows = results[(results.dataset == dataset) & (results.variant == variant)]
    return over_seeds(torch.tensor(rows.pivot(index="seed", columns="glimpse", values=quantity).to_numpy()))


def last_glimpse_table(results: pd.DataFrame) -> pd.DataFrame:
    """Makes a table of all quantities after the last glimpse, with a row for each data set and variant."""
    return _table(
        results,
        lambda dataset, variant: {
            quantity.name: quantity.write(estimate_over_seeds(results, dataset, variant, column), -1)
            for column, quantity in QUANTITIES.items()
            if column in results
        },
    )


def glimpse_table(results: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Makes a table of one quantity after each glimpse, with a row for each data set and variant."""

    def cells(dataset: str, variant: str) -> dict[str, str]:
        estimate = estimate_over_seeds(results, dataset, variant, quantity)
        count = len(estimate.value)
        return {str(glimpse + 1): QUANTITIES[quantity].write(estimate, glimpse) for glimpse in range(count)}

    return _table(results, cells)


def to_markdown(results: pd.DataFrame, failures: Mapping[str, str]) -> str:
    """Writes all tables as one Markdown page.

    Args:
        results: A row for each data set, variant, seed and glimpse.
        failures: The error of each agent that failed, by the name of its folder.
    """
    parts = [CAPTION, *([NOTE] if "label_information" in results else []), _markdown(last_glimpse_table(results))]
    for quantity in GLIMPSE_TABLES:
        if quantity not in results:
            continue
        parts += [f"After each glimpse: {QUANTITIES[quantity].name}.", _markdown(glimpse_table(results, quantity))]
    if failures:
        parts += ["Failed:", "\n".join(f"- {name}: {error}" for name, error in failures.items())]
    return "\n\n".join(parts) + "\n"


def _table(results: pd.DataFrame, cells: Callable[[str, str], dict[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {"data set": dataset, "variant": variant, "seeds": group.seed.nunique(), **cells(str(dataset), str(variant))}
        for (dataset, variant), group in results.groupby(["dataset", "variant"], sort=False)
    )


def _markdown(table: pd.DataFrame) -> str:
    # Numbers are text by now, and 43.20 is not to lose its last digit. Data sets can have fewer glimpses than others.
    return str(table.fillna("").to_markdown(index=False, disable_numparse=True))
