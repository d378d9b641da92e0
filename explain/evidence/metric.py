"""A metric of an explanation, which is never reported without what a trivial predictor scores: its nulls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from explain.knowledge.intervals import Bootstrap, Estimate
from glimpse_env.utils.errors import shown

Direction = Literal["higher", "lower"]
"""Which values of a metric speak for the explanation."""


@dataclass(frozen=True)
class Metric:
    """One number that tests an explanation, beside the same number of each null.

    Attributes:
        name: What the field calls it.
        question: What it asks, in plain words.
        value: The number, `()`, and its interval.
        nulls: The same number of what knows nothing of the agent, or of what it is to be told from, by name; at least
            one.
        margins: By how much `value` is better than each null, `()`, with paired intervals. More than 0 speaks for the
            explanation, whichever direction is better.
        better: Which values speak for the explanation.
        unit: What the numbers are, such as `nats`; empty for a number without a unit.

    Raises:
        ValueError: There is no null, there is not one margin for each null, an estimate is not a single number, or
            `better` is no direction.
    """

    name: str
    question: str
    value: Estimate
    nulls: Mapping[str, Estimate]
    margins: Mapping[str, Estimate]
    better: Direction = "higher"
    unit: str = ""

    def __post_init__(self) -> None:
        _check_nulls(self.name, self.nulls)
        if set(self.margins) != set(self.nulls):
            raise ValueError(f"expected margins over {sorted(self.nulls)}, got {sorted(self.margins)}")
        if self.better not in ("higher", "lower"):
            raise ValueError(f"expected better to be 'higher' or 'lower', got {shown(self.better)}")
        for estimate in (self.value, *self.nulls.values(), *self.margins.values()):
            if estimate.value.ndim:
                raise ValueError(f"expected estimates of one number, got one of shape {tuple(estimate.value.shape)}")

    @classmethod
    def over_images(
        cls,
        name: str,
        question: str,
        values: Tensor,
        nulls: Mapping[str, Tensor],
        bootstrap: Bootstrap,
        *,
        better: Direction = "higher",
        unit: str = "",
    ) -> Metric:
        """Makes the metric that is the mean of a measurement, with bootstrap intervals over images.

        The mean is that of all measurements that are defined; an image may have several, one for each glimpse.

        Args:
            name: What the field calls it.
            question: What it asks, in plain words.
            values: The measurements of `N` images, `(N,)` or `(N, K)`; NaN where one is not defined.
            nulls: The same of each null, by name.
            bootstrap: Of `N` images. Margins are of the same resamples of images.
            better: Which values speak for the explanation.
            unit: What the numbers are.

        Raises:
            ValueError: There is no null, or there are not `N` measurements of everything.

        Example:
            >>> hits, chance = torch.tensor([1.0, 1.0, 0.0, 1.0]), torch.full((4,), 0.25)
            >>> metric = Metric.over_images("hits", "Does it hit?", hits, {"uniform": chance}, Bootstrap(4))
            >>> metric.value.value.item(), metric.margins["uniform"].value.item()
            (0.75, 0.5)
        """
        _check_nulls(name, nulls)
        for null, numbers in nulls.items():
            if numbers.shape != values.shape:
                got = f"{tuple(numbers.shape)} of {null!r} and {tuple(values.shape)} of the metric"
                raise ValueError(f"expected measurements of one shape, got {got}")
        columns = torch.stack([values, *nulls.values()], dim=1).double()
        columns = columns.reshape(*columns.shape[:2], -1)  # (N, 1 + nulls, K)
        defined = ~columns.isnan()
        sums = torch.stack([columns.nan_to_num(0.0).sum(-1), defined.sum(-1)], dim=1)  # (N, 2, 1 + nulls)
        sign = 1 if better == "higher" else -1

        def means_of(sums: Tensor) -> Tensor:
            return sums[:, 0] / sums[:, 1]

        def margins_of(sums: Tensor) -> Tensor:
            means = means_of(sums)
            return sign * (means[:, :1] - means[:, 1:])

        value, *of_nulls = _each(bootstrap.of_mean(sums, means_of))
        margins = _each(bootstrap.of_mean(sums, margins_of))
        return cls(
            name,
            question,
            value,
            dict(zip(nulls, of_nulls, strict=True)),
            dict(zip(nulls, margins, strict=True)),
            better,
            unit,
        )

    @property
    def passes(self) -> bool:
        """Whether the metric is better than every null, by more than its interval."""
        return all(bool(margin.low > 0) for margin in self.margins.values())

    def to_json(self) -> dict[str, Any]:
        """This as plain numbers and words."""
        return {
            "question": self.question,
            "unit": self.unit,
            "better": self.better,
            "value": self.value.to_json(),
            "nulls": {null: estimate.to_json() for null, estimate in self.nulls.items()},
            "margins": {null: estimate.to_json() for null, estimate in self.margins.items()},
        }


def _check_nulls(name: str, nulls: Mapping[str, Any]) -> None:
    if not nulls:
        raise ValueError(f"expected at least one null of the metric {shown(name)}, got none")


def _each(estimates: Estimate) -> list[Estimate]:
    """Takes an estimate of `K` numbers, `(K,)`, apart."""
    parts = zip(estimates.value, estimates.low, estimates.high, strict=True)
    return [Estimate(*numbers) for numbers in parts]
