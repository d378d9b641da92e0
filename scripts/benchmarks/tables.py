"""What a benchmark found out, as a table beside the targets."""

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
    """One line of the table."""

    what: str
    measured: float | None
    """None where it cannot be measured."""
    target: float
    format: str
    """How a number of this kind is written, as in `"{:,.0f}"`."""
    at_most: bool = False
    """Whether the target is the most that is allowed, not the least."""

    def cells(self) -> tuple[str, str, str, str]:
        """What stands in the columns; a ratio of 1 or more meets the target."""
        target = ("at most " if self.at_most else "at least ") + self.format.format(self.target)
        if self.measured is None:
            return self.what, "not here", target, "-"
        ratio = self.target / max(self.measured, 1e-9) if self.at_most else self.measured / self.target
        return self.what, self.format.format(self.measured), target, f"{ratio:.2f}"


@dataclass(frozen=True)
class Benchmark:
    """What a subcommand found out."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()


def show(benchmark: Benchmark) -> None:
    """Prints a benchmark as a table, with the notes below it."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    table = Table(title=f"{benchmark.title} ({machine})", title_justify="left")
    table.add_column("what")
    for name in ("measured", "target", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in benchmark.rows:
        table.add_row(*row.cells())
    console = Console()
    console.print(table)
    console.print("A ratio of 1 or more meets the target.")
    for note in benchmark.notes:
        console.print(note)
