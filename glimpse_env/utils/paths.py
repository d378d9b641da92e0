"""Paths that users give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from glimpse_env.utils.errors import shown


def read_path(name: str, value: Any) -> Path:
    """Returns a path.

    Args:
        name: What the path is, for the error.
        value: What the user gave.

    Raises:
        TypeError: It is neither a string nor an `os.PathLike` of one.
        ValueError: It is an empty text, which `Path` would take for the current folder, or has a NUL character.

    Example:
        >>> read_path("folder", "runs/digits").as_posix()
        'runs/digits'
        >>> read_path("folder", 7)
        Traceback (most recent call last):
        TypeError: expected folder to be a path, got 7
    """
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(text, str):
        raise TypeError(f"expected {name} to be a path, got {shown(value)}")
    if not text:
        raise ValueError(f"expected {name} to be a path, got an empty text")
    if "\0" in text:
        raise ValueError(f"expected {name} to be a path, which has no NUL character, got {shown(value)}")
    return Path(text)


def read_file_path(name: str, value: Any) -> Path:
    """Returns the path of a file.

    Raises:
        TypeError: It is no path.
        ValueError: It has a NUL character, or no name, as `""`, `"."` and `"/"`.
    """
    path = read_path(name, value)
    if not path.name:
        raise ValueError(f"expected {name} to be the path of a file, got {shown(value)}")
    return path
