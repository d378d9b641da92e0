"""The table of a benchmark: numbers, targets, and a ratio that says which are met."""

from __future__ import annotations

import pytest

from scripts.benchmarks.tables import Benchmark, Row, print_table


def test_a_ratio_of_1_or_more_meets_the_target() -> None:
    assert Row("speed", 30.0, 20, "{:.0f}").cells() == ("speed", "30", "at least 20", "1.50")
    assert Row("cost", 1.0, 1.25, "{:.2f}", at_most=True).cells() == ("cost", "1.00", "at most 1.25", "1.25")


def test_what_cannot_be_measured_has_no_ratio() -> None:
    cells = Row("memory", None, 100, "{:.0f}", at_most=True).cells()
    assert cells == ("memory", "not available", "at most 100", "-")


def test_the_table_is_printed_with_its_notes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    print_table(Benchmark("Environments", [Row("speed", 30.0, 20, "{:.0f}")], ["Measured on digits."]))
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith("Environments (")
    (row,) = (line for line in lines if "speed" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["speed", "30", "at least 20", "1.50"]
    assert lines[-1] == "Measured on digits."
