"""Paths as arguments of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec

from glimpse_env.utils.paths import read_path


def _read_path(words: Sequence[str]) -> Path:
    (word,) = words
    return read_path("the argument", word)


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
