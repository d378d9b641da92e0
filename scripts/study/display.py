"""Progress bars of a study: one for all agents, and one for each that is being worked on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class StudyDisplay(Progress):
    """Shows how far the agents of a study are, and the time left.

    Args:
        num_agents: How many agents there are.
    """

    def __init__(self, num_agents: int) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        self._total = self.add_task("all", total=num_agents, status="")
        self._bars: dict[str, Any] = {}

    def show(self, num_finished: int, progress: Mapping[str, tuple[float, str]]) -> None:
        """Shows the present state.

        Args:
            num_finished: How many agents are finished.
            progress: The fraction that is done, in [0, 1], and a status, of each agent that is being worked on.
        """
        for name in [name for name in self._bars if name not in progress]:
            self.remove_task(self._bars.pop(name))
        for name, (fraction, status) in progress.items():
            if name not in self._bars:
                self._bars[name] = self.add_task(f"  {name}", total=1.0, status=status)
            self.update(self._bars[name], completed=fraction, status=status)
        self.update(self._total, completed=num_finished + sum(fraction for fraction, _ in progress.values()))

    def print_failure(self, name: str, failure: str) -> None:
        """Prints the error of an agent above the bars."""
        self.console.print(f"{name} failed: {failure}", markup=False)
