"""Archives: zip files of a description in JSON and of tensors. Reading one executes no code."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from glimpse_env.utils.atomic import open_atomic

TENSORS = "tensors.pt"
MAX_BYTES = 2**33


class InvalidFileError(ValueError):
    """A file cannot be loaded, because of its content."""

    kind = "file"

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)} cannot be loaded as {self.kind}: {reason}")


def with_suffix(path: str | os.PathLike[str]) -> Path:
    """Appends `.zip` to a path without suffix, as Stable-Baselines3 does."""
    path = Path(path)
    return path if path.suffix else path.with_suffix(".zip")


def checksum(description: dict[str, Any], content: bytes) -> str:
    """The SHA-256 checksum of a description (without its checksum) and a content."""
    canonical = json.dumps(description, sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(canonical).digest() + hashlib.sha256(content).digest()).hexdigest()


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

    def write(self, path: str | os.PathLike[str], description: dict[str, Any], tensors: dict[str, Any]) -> None:
        """Writes a file, all or not at all.

        The file is complete before it takes the place of an older one, so that a crash or a full disk leaves the older
        one intact.

        Args:
            path: Where; `.zip` is added where it has no suffix, and missing folders are made.
            description: What JSON can hold.
            tensors: Tensors, in dicts and lists.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
        """
        path = with_suffix(path)
        buffer = io.BytesIO()
        torch.save(tensors, buffer)
        content = buffer.getvalue()
        described = description | {"format": self.format}
        described["checksum"] = checksum(described, content)
        try:
            with open_atomic(path) as file, zipfile.ZipFile(file, "w") as archive:
                archive.writestr(f"{self.name}.json", json.dumps(described, indent=2))
                archive.writestr(TENSORS, content)
        except OSError as error:
            reason = f"the {self.name} could not be saved ({error.strerror or error}); an older file is left as it was"
            raise OSError(error.errno, reason, str(path)) from error

    def read(self, path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reads a file that `write` wrote, without executing anything of it.

        Returns:
            The description and the tensors.

        Raises:
            FileNotFoundError: There is no such file.
            InvalidFileError: It is truncated, was tampered with, or is of a newer format or another kind.
        """
        path = with_suffix(path)
        if not path.is_file():
            raise FileNotFoundError(f"expected a saved {self.name} at {path}, but there is no such file")
        members = sorted([f"{self.name}.json", TENSORS])
        with self.complaints_about(path), zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != members:
                raise ValueError(f"expected {' and '.join(members)} in it, got {sorted(archive.namelist())}")
            if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"expected at most {MAX_BYTES} bytes in it")
            description = json.loads(archive.read(f"{self.name}.json"))
            content = archive.read(TENSORS)
            if not isinstance(description, dict) or not isinstance(description.get("format"), int):
                raise ValueError(f"{self.name}.json does not describe a saved {self.name}")
            if description["format"] > self.format:
                raise ValueError(f"its format {description['format']} is newer than {self.format}: update this library")
            # Files of the first versions call it a digest.
            saved = description.pop("checksum" if "checksum" in description else "digest", None)
            if saved != checksum(description, content):
                raise ValueError("its checksum does not fit its content: it was altered after it was saved")
            tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return description, tensors

    @contextmanager
    def complaints_about(self, path: str | os.PathLike[str]) -> Iterator[None]:
        """Turns any error about the content of a file into `error`, with the path and the reason."""
        try:
            yield
        except InvalidFileError:
            raise
        except Exception as error:
            reason = str(error)
            if isinstance(error, zipfile.BadZipFile | EOFError):
                reason = "it is truncated, or no zip"
            elif isinstance(error, KeyError):
                reason = f"it lacks {error}"
            raise self.error(path, reason) from error
