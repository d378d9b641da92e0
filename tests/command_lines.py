"""Running a program in this process, as from a shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def error_of(main: Callable[[list[str]], Any], command: list[str]) -> str:
    """Runs it, checks that it ends with one line of error and exit status 1, and returns the line."""
    with pytest.raises(SystemExit) as caught:
        main(command)
    error = caught.value.code  # Python prints a string to stderr, and ends with status 1
    assert isinstance(error, str)
    assert error.startswith("error: ")
    assert "\n" not in error
    return error
