"""Signals that ask a process to end, and a place to end at: Ctrl-C, and what clusters and closed terminals send."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""SIGINT is Ctrl-C; Windows has no SIGHUP."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end.

    Args:
        number: The signal.
        message: What was interrupted; by default the name of the signal.

    Attributes:
        signal: The signal.
        exit_status: What a shell reports of a process that a signal ended, 128 + the signal.
    """

    def __init__(self, number: int, message: str = "") -> None:
        super().__init__(number, message)
        self.signal = signal.Signals(number)
        self.exit_status = 128 + number

    def __str__(self) -> str:
        return str(self.args[1]) or f"interrupted by {self.signal.name}"


class Interruption(AbstractContextManager["Interruption"]):
    """Receives the signals that ask a process to end, until the block ends.

    It notes the first signal, and the caller ends where it suits. A second Ctrl-C raises `Interrupted` at once, and
    with `at_once` the first signal does. After that, further signals are ignored, so that the caller can end in peace.
    More of the other signals change nothing: a terminal that is closed, and many a cluster, send them twice.

    Signals that the process ignores, as after `nohup`, stay ignored. Only the main thread of a process can receive
    signals; in others this does nothing.

    Args:
        at_once: Whether the first signal raises `Interrupted`, too. It can be changed at any time.

    Attributes:
        signal: The first signal that came; None as long as there is none.
        is_ending: Whether `Interrupted` was raised, so that all further signals are ignored.

    Example:
        >>> with Interruption() as interruption:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     print("finish what must be finished")
        finish what must be finished
        >>> interruption.signal.name
        'SIGTERM'
    """

    def __init__(self, *, at_once: bool = False) -> None:
        self.at_once = at_once
        self.signal: signal.Signals | None = None
        self._handlers: dict[int, Any] = {}
        self.is_ending = False
        self._is_closing = False
        self._late: int | None = None

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):
                    self._handlers[number] = handler
                    signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        # A signal that comes in between is for the handlers of before, once all of them are there again.
        self._is_closing = True
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._late is not None:
            signal.raise_signal(self._late)

    def check(self) -> None:
        """Raises `Interrupted` if a signal came."""
        if self.signal is not None:
            self._end(self.signal)

    def _receive(self, number: int, _: object) -> None:
        is_second_ctrl_c = self.signal is not None and number == signal.SIGINT
        if self.is_ending:
            return
        if self._is_closing:
            self._late = number
            return
        self.signal = self.signal or signal.Signals(number)
        if self.at_once or is_second_ctrl_c:
            self._end(number)

    def _end(self, number: int) -> None:
        # Whoever receives signals around this block leaves the ending to it.
        for handler in self._handlers.values():
            outer = getattr(handler, "__self__", None)
            if isinstance(outer, Interruption):
                outer.is_ending = True
        self.is_ending = True
        raise Interrupted(number)
