"""Tables: how numbers are written, and where they are."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from explain.explanation import Explanation
from explain.knowledge.intervals import Estimate
from explain.report.failures import Failure
from explain.report.tables import (
    Cell,
    at,
    by_glimpse,
    cell,
    error_sources_table,
    failures_table,
    four_digits,
    percent,
    tables_of,
    two_digits,
)

MINUS = "\N{MINUS SIGN}"


def estimate(value: list[float]) -> Estimate:
    """An estimate whose interval reaches 0.1 to both sides."""
    middle = torch.tensor(value, dtype=torch.float64)
    return Estimate(middle, middle - 0.1, middle + 0.1)


@pytest.mark.parametrize(
    ("number", "written"), [(1.005, "1.00"), (-1.5, f"{MINUS}1.50"), (-0.004, "0.00"), (0.0, "0.00")]
)
def test_a_minus_sign_is_written_unless_the_number_rounds_to_0(number: float, written: str) -> None:
    assert two_digits(number) == written


def test_every_unit_has_its_digits() -> None:
    assert (four_digits(0.05294), percent(0.97531)) == ("0.0529", "97.5")


def test_a_cell_has_a_number_and_its_interval() -> None:
    written = cell(at(estimate([0.5, 0.0]), -1), two_digits)
    assert written == Cell("0.00", f"{MINUS}0.10 to 0.10")
    assert str(written) == f"0.00 [{MINUS}0.10 to 0.10]"
    assert str(Cell("word")) == "word"


def test_an_undefined_number_has_no_interval() -> None:
    assert cell(at(estimate([float("nan")]), 0), two_digits) == Cell("undefined")


def test_there_is_a_row_per_glimpse_and_a_column_per_estimate() -> None:
    table = by_glimpse("caption", {"one": (estimate([0.1, 0.2]), percent), "other": (estimate([3, 4]), two_digits)})
    assert table.header == ["glimpse", "one", "other"]
    assert [[one.text for one in row] for row in table.rows] == [["1", "10.0", "3.00"], ["2", "20.0", "4.00"]]


def test_sources_add_up_to_the_error(tiny_explanation: Explanation) -> None:
    reconstruction = replace(
        tiny_explanation.reconstruction,
        error=estimate([0.09, 0.05]),
        oracle_memory=estimate([0.08, 0.03]),
        full_image_oracle=Estimate(torch.tensor(0.01), torch.tensor(0.0), torch.tensor(0.02)),
    )
    rows = [[one.text for one in row] for row in error_sources_table(reconstruction).rows]
    assert rows == [
        ["1", "0.0100", "0.0700", "0.0100", "0.0900"],
        ["2", "0.0100", "0.0200", "0.0200", "0.0500"],
    ]


def test_a_part_below_0_is_a_ceiling_that_failed(tiny_explanation: Explanation) -> None:
    reconstruction = replace(
        tiny_explanation.reconstruction,
        error=estimate([0.09, 0.05]),
        oracle_memory=estimate([0.095, 0.005]),
        full_image_oracle=Estimate(torch.tensor(0.01), torch.tensor(0.0), torch.tensor(0.02)),
    )
    rows = [[one.text for one in row] for row in error_sources_table(reconstruction).rows]
    assert rows == [
        ["1", "0.0100", "0.0850", "ceiling failed", "0.0900"],
        ["2", "0.0100", "ceiling failed", "0.0450", "0.0500"],
    ]


def test_there_is_a_row_per_failure() -> None:
    failure = Failure(7, "3", ("3", "8"), (0.4, 0.9), (0.4, 0.05), (1,))
    never = replace(failure, correct_glimpses=())
    rows = [[one.text for one in row] for row in failures_table([failure, never]).rows]
    assert rows == [["7", "3", "8", "90.0", "5.0", "1"], ["7", "3", "8", "90.0", "5.0", "never"]]


def test_all_tables_are_complete(tiny_explanation: Explanation) -> None:
    tables = tables_of(tiny_explanation, [])
    glimpses = tiny_explanation.recording.beliefs.shape[1]
    for name, table in tables.items():
        assert all(len(row) == len(table.header) for row in table.rows)
        others = {
            "evidence": 14,
            "references": 3,
            "location_correlation": 3,
            "rank_correlation": glimpses - 1,
            "failures": 0,
        }
        assert len(table.rows) == others.get(name, glimpses)
    assert list(tables["location_policies"].header) == ["glimpse", *tiny_explanation.location_policies]
    last = tables["information"].rows[-1]
    assert last[1].text == percent(float(tiny_explanation.curves.accuracy.value[-1]))


def test_each_metric_stands_beside_its_strongest_null(tiny_explanation: Explanation) -> None:
    metrics = tiny_explanation.evidence.metrics
    table = tables_of(tiny_explanation, [])["evidence"]
    assert [str(row[0]) for row in table.rows] == [metric.name for metric in metrics]
    for row, metric in zip(table.rows, metrics, strict=True):
        margins = {null: float(margin.value) for null, margin in metric.margins.items()}
        strongest = min(margins, key=lambda null: margins[null] if margins[null] == margins[null] else float("inf"))
        assert str(row[4]).endswith(f"({strongest})")
        assert str(row[5]) == ("yes" if metric.passes else "no")
