"""Archives: zip files of a description in JSON and of tensors. Reading one executes no code."""

from __future__ import annotations

import hashlib
import json
import os
import textwrap
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from glimpse_env.utils.atomic import open_atomic
from glimpse_env.utils.errors import shown
from glimpse_env.utils.paths import read_file_path
from glimpse_env.utils.stored_tensors import Part, max_bytes, read_tensors, write_tensors
from glimpse_env.utils.stored_zip import StoredZip

TENSORS = "tensors.pt"
MAX_DESCRIPTION = 2**20
"""Bytes of a description; that of an agent has about 2,000."""
MAX_REASON = 400
"""Characters of a reason, which may quote the file."""


class InvalidFileError(ValueError):
    """A file cannot be loaded, because of its content."""

    kind = "file"

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)} cannot be loaded as {self.kind}: {reason}")


def with_suffix(path: Any) -> Path:
    """Appends `.zip` to a path without suffix, as Stable-Baselines3 does.

    Raises:
        TypeError: It is no path.
        ValueError: It is not that of a file.
    """
    path = read_file_path("path", path)
    return path if path.suffix else path.with_suffix(".zip")


def checksum(description: dict[str, Any], content: Iterable[bytes]) -> str:
    """The SHA-256 checksum of a description (without its checksum) and a content, which comes in parts."""
    canonical = json.dumps(description, sort_keys=True).encode()
    hashed = hashlib.sha256()
    for part in content:
        hashed.update(part)
    return hashlib.sha256(hashlib.sha256(canonical).digest() + hashed.digest()).hexdigest()


@dataclass(frozen=True)
class SavedFile:
    """A file open for reading, whose checksum fits.

    Attributes:
        description: What JSON holds; its values are not checked yet.
        members: The members of the zip.
    """

    description: dict[str, Any]
    members: StoredZip

    def tensors(self, expected: Part) -> Any:
        """Reads the tensors, if they are as expected; see `glimpse_env.utils.stored_tensors`.

        Raises:
            ValueError: They are not.
        """
        size, most = self.members.size(TENSORS), max_bytes(expected)
        if size > most:
            raise ValueError(f"expected at most {most} bytes of tensors, as its description says, got {size}")
        return read_tensors(self.members.read(TENSORS), expected)


@dataclass(frozen=True)
class Archive:
    """A kind of archive, for example saved agents.

    Attributes:
        name: What it holds; the description is in `{name}.json`.
        format: Version of its format; a file of a newer one is refused.
        error: The exception for a file that cannot be loaded.
    """

    name: str
    format: int
    error: type[InvalidFileError]

    def write(
        self, path: str | os.PathLike[str] | BinaryIO, description: dict[str, Any], tensors: dict[str, Any]
    ) -> None:
        """Writes a file, all or not at all.

        The file is complete before it takes the place of an older one, so that a crash or a full disk leaves the older
        one intact.

        Args:
            path: Where; `.zip` is added where it has no suffix, and missing folders are made. Or a file that is open
                for writing.
            description: What JSON can hold.
            tensors: Tensors, in dicts and lists.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
            TypeError: The path is neither a path nor an open file.
            ValueError: It is not that of a file, or the description or the tensors would be refused by `open`.
        """
        content = write_tensors(tensors)
        described = description | {"format": self.format}
        described["checksum"] = checksum(described, [content])
        text = json.dumps(described, indent=2).encode()
        if len(text) > MAX_DESCRIPTION:
            raise ValueError(f"expected a description of at most {MAX_DESCRIPTION} bytes, got {len(text)}")
        parts = ((f"{self.name}.json", text), (TENSORS, content))
        if not isinstance(path, str | os.PathLike) and hasattr(path, "write"):
            _write_zip(path, parts)
            return
        path = with_suffix(path)
        try:
            with open_atomic(path) as file:
                _write_zip(file, parts)
        except OSError as error:
            reason = f"the {self.name} could not be saved ({error.strerror or error}); an older file is left as it was"
            raise OSError(error.errno, reason, str(path)) from error

    @contextmanager
    def open(self, path: str | os.PathLike[str] | BinaryIO) -> Iterator[SavedFile]:
        """Opens a file that `write` wrote, or reads one that is open, without executing anything of it.

        An error about the content, while the file is open, becomes `error`, with the path and the reason.

        Raises:
            FileNotFoundError: There is no such file.
            TypeError: The path is neither a path nor an open file.
            ValueError: It is not that of a file.
            InvalidFileError: It is truncated, was tampered with, is of a newer format or another kind, or does not hold
                what is expected in it.
        """
        if not isinstance(path, str | os.PathLike) and hasattr(path, "read"):
            with self._invalid_file_errors("the open file"):
                members = StoredZip.open(path)
                yield SavedFile(self._read_description(members), members)
            return
        path = with_suffix(path)
        if not path.is_file():
            raise FileNotFoundError(f"expected a saved {self.name} at {path}, but there is no such file")
        with open(path, "rb") as file, self._invalid_file_errors(path):
            members = StoredZip.open(file)
            yield SavedFile(self._read_description(members), members)

    def _read_description(self, members: StoredZip) -> dict[str, Any]:
        """Reads the description, and compares the checksum with all that there is."""
        described = f"{self.name}.json"
        if set(members.places) != {described, TENSORS}:
            raise ValueError(f"expected {described} and {TENSORS} in it, got {sorted(members.places)}")
        if members.size(described) > MAX_DESCRIPTION:
            raise ValueError(f"expected {described} of at most {MAX_DESCRIPTION} bytes")
        content = members.read(described)
        try:
            description = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"expected {described} to be JSON, got something else") from error
        if not isinstance(description, dict) or type(description.get("format")) is not int:
            raise ValueError(f"{described} does not describe a saved {self.name}")
        if description["format"] < 1:
            raise ValueError(f"expected a format from 1 on, got {shown(description['format'])}")
        if description["format"] > self.format:
            raise ValueError(
                f"its format {shown(description['format'])} is newer than {self.format}: update this library"
            )
        # Files of the first versions call it a digest.
        saved = description.pop("checksum" if "checksum" in description else "digest", None)
        if saved != checksum(description, members.chunks(TENSORS)):
            raise ValueError("its checksum does not fit its content: it was altered after it was saved")
        return description

    @contextmanager
    def _invalid_file_errors(self, path: str | Path) -> Iterator[None]:
        try:
            yield
        except (InvalidFileError, OSError):
            raise
        except Exception as error:
            raise self.error(path, _reason(error)) from error


def _write_zip(file: IO[bytes], parts: Iterable[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts:
            # A ZipInfo has a fixed time. A name would get that of the clock, which zip refuses before 1980.
            archive.writestr(zipfile.ZipInfo(name), data)


def _reason(error: Exception) -> str:
    """Why a file could not be read, in a sentence of ours, whatever was raised."""
    # Where there is not enough memory, torch raises a RuntimeError.
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "allocate" in str(error)):
        return "there is not enough memory for it"
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    if isinstance(error, ValueError | TypeError):
        return textwrap.shorten(str(error), MAX_REASON, placeholder=" ...")
    return f"expected what this library saves, got content that raises {type(error).__name__}"
