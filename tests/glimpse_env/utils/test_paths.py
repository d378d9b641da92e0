"""Paths: each is taken as it is, or refused in clear words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from glimpse_env.utils.paths import read_file_path, read_path
from tests.awkward_values import unclear_errors


class Bytes:
    """A path of bytes, as the system has them."""

    def __fspath__(self) -> bytes:
        return b"runs"


@pytest.mark.parametrize("read", [read_path, read_file_path])
def test_awkward_values_are_taken_or_refused_in_clear_words(read: Callable[[str, Any], Path]) -> None:
    unclear = unclear_errors(lambda value: read("folder", value))
    assert not unclear, unclear


@pytest.mark.parametrize("path", ["runs/a b", Path("runs/a b"), PurePosixPath("runs/a b")])
def test_strings_and_paths_are_paths(path: Any) -> None:
    assert read_path("folder", path) == read_file_path("file", path) == Path("runs/a b")


@pytest.mark.parametrize("value", [b"runs", Bytes(), 0, None])
def test_everything_else_is_none(value: Any) -> None:
    with pytest.raises(TypeError, match="expected folder to be a path, got"):
        read_path("folder", value)


@pytest.mark.parametrize("read", [read_path, read_file_path])
def test_an_empty_text_is_not_the_current_folder(read: Callable[[str, Any], Path]) -> None:
    with pytest.raises(ValueError, match="expected folder to be a path, got an empty text"):
        read("folder", "")


@pytest.mark.parametrize("path", [".", "/"])
def test_a_file_has_a_name(path: str) -> None:
    assert read_path("folder", path) == Path(path)
    with pytest.raises(ValueError, match="expected file to be the path of a file, got"):
        read_file_path("file", path)
