"""Paths as arguments of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec


def _read_path(words: Sequence[str]) -> Path:
    (word,) = words
    if not word:
        raise ValueError("expected a path, got an empty text")  # which Path would take for the current folder
    return Path(word)


PathArgument = Annotated[
    Path,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=_read_path,
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda path: [str(path)],
    ),
]
"""A path that is not empty."""
