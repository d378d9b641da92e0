"""The result of a benchmark as a table: what was measured, beside its target."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One measurement and its target."""

    name: str
    """What was measured, with its unit."""
    measured: float | None
    """None where it cannot be measured."""
    target: float
    """The least number that is good enough; the greatest if `at_most`."""
    format: str
    """Format of both numbers, for example `"{:,.0f}"`."""
    at_most: bool = False
    """Whether smaller is better."""

    def cells(self) -> tuple[str, str, str, str]:
        """The row as text: name, measured number, target, and a ratio that is at least 1 if the target is met."""
        target = ("at most " if self.at_most else "at least ") + self.format.format(self.target)
        if self.measured is None:
            return self.name, "not available", target, "-"
        ratio = self.target / max(self.measured, 1e-9) if self.at_most else self.measured / self.target
        return self.name, self.format.format(self.measured), target, f"{ratio:.2f}"


@dataclass(frozen=True)
class Benchmark:
    """The result of one benchmark."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    """Sentences that are printed below the table."""


def print_table(benchmark: Benchmark) -> None:
    """Prints the result of a benchmark with the machine it was measured on."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    table = Table(title=f"{benchmark.title} ({machine})", title_justify="left")
    table.add_column("metric")
    for name in ("measured", "target", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in benchmark.rows:
        table.add_row(*row.cells())
    console = Console()
    console.print(table)
    console.print("A ratio of 1 or more meets the target.")
    for note in benchmark.notes:
        console.print(note)
