"""Figures that look the same whatever matplotlib settings, style sheet and backend the user has chosen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

# Matplotlib has one set of settings for all threads: two that change it at once would restore each other's.
_LOCK = threading.RLock()


@contextmanager
def matplotlib_settings(changes: dict[Any, Any] | None = None) -> Iterator[None]:
    """Inside this context, which also serves as a decorator, matplotlib has its own default settings.

    A dollar sign does not start a formula, because names are arbitrary. The settings of the user are restored at the
    end.

    Args:
        changes: Settings that differ from the defaults, by the names that `matplotlib.rcParams` gives them.
    """
    with _LOCK, rc_context():
        rcdefaults()
        rcParams.update({"text.parse_math": False, **(changes or {})})
        yield


def shorten(name: str, length: int) -> str:
    r"""Writes a name on one line of at most `length` characters that can be printed.

    Example:
        >>> shorten("automobile", 6), shorten("polar\nbear", 12)
        ('autom…', 'polar bear')
    """
    name = "".join(letter if letter.isprintable() else " " for letter in name)
    return name if len(name) <= length else name[: length - 1] + "…"


class StyledFigure(Figure):
    """A figure that is also drawn and saved with settings of its own.

    Matplotlib reads settings when an artist is made, when it is drawn (ticks are made only then), and when a figure is
    saved. What is added to the figure must be made within `matplotlib_settings` as well.

    Args:
        *args: Arguments of `Figure`.
        settings: Settings that differ from matplotlib's defaults.
        **kwargs: More arguments of `Figure`.
    """

    def __init__(self, *args: Any, settings: dict[Any, Any] | None = None, **kwargs: Any) -> None:
        self._settings = settings
        with matplotlib_settings(settings):
            super().__init__(*args, **kwargs)

    def draw(self, renderer: RendererBase) -> None:
        """Draws the figure with its own settings."""
        with matplotlib_settings(self._settings):
            super().draw(renderer)

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        """Saves the figure with its own settings; the arguments are those of `Figure.savefig`."""
        with matplotlib_settings(self._settings):
            super().savefig(*args, **kwargs)
