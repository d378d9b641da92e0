"""A progress bar that shows how well the agent does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from tqdm import tqdm


class Learner(Protocol):
    """What the bar shows."""

    num_timesteps: int
    total_timesteps: int

    @property
    def recent_accuracy(self) -> float:
        """Share of right answers lately."""


@contextmanager
def accuracy_bar(learner: Learner, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Shows the steps taken, the time left, and the accuracy lately, until the context ends, by an error too.

    Args:
        learner: Who learns.
        shown: False shows nothing.

    Yields:
        A function to call after each round of training.
    """
    if not shown:
        yield lambda: None
        return
    with tqdm(total=learner.total_timesteps, initial=learner.num_timesteps, unit="step", unit_scale=True) as bar:

        def advance() -> None:
            bar.set_postfix(accuracy=f"{learner.recent_accuracy:.1%}", refresh=False)
            bar.update(learner.num_timesteps - bar.n)

        yield advance
