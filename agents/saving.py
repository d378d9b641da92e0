"""Saved agents: one zip with `agent.json` and `tensors.pt`, which brings no code and is written all or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

FORMAT = 1
"""Version of the format; a file of a newer one is refused."""

DESCRIPTION, TENSORS = "agent.json", "tensors.pt"
MAX_BYTES = 2**30


class InvalidAgentError(ValueError):
    """A file is not an agent that can be loaded."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)} cannot be loaded as an agent: {reason}")


def with_suffix(path: str | os.PathLike[str]) -> Path:
    """The path, with `.zip` at its end where it has no suffix, as in Stable-Baselines3."""
    path = Path(path)
    return path if path.suffix else path.with_suffix(".zip")


def write(path: str | os.PathLike[str], description: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Writes an agent.

    The file is complete before it takes the place of an older one, so that neither a crash nor a full disk costs more
    than the newest state.

    Args:
        path: Where; missing folders are made.
        description: What goes into `agent.json`.
        tensors: Tensors, in dicts and lists.

    Raises:
        OSError: The file cannot be written. An older one of that name is left as it was.
    """
    path = with_suffix(path)
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    content = buffer.getvalue()
    described = description | {"format": FORMAT}
    described["digest"] = _digest(described, content)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                with zipfile.ZipFile(file, "w") as archive:
                    archive.writestr(DESCRIPTION, json.dumps(described, indent=2))
                    archive.writestr(TENSORS, content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = f"the agent could not be saved ({error.strerror or error}); an older file is left as it was"
        raise OSError(error.errno, reason, str(path)) from error


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads what `write` wrote, without executing anything.

    Raises:
        FileNotFoundError: There is no such file.
        InvalidAgentError: It is truncated, was tampered with, or is of a newer format.
    """
    path = with_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a saved agent at {path}, but there is no such file")
    with complaints_about(path), zipfile.ZipFile(path) as archive:
        if sorted(archive.namelist()) != [DESCRIPTION, TENSORS]:
            raise ValueError(f"expected {DESCRIPTION} and {TENSORS} in it, got {sorted(archive.namelist())}")
        if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
            raise ValueError(f"expected at most {MAX_BYTES} bytes in it")
        description = json.loads(archive.read(DESCRIPTION))
        content = archive.read(TENSORS)
        if not isinstance(description, dict) or not isinstance(description.get("format"), int):
            raise ValueError(f"{DESCRIPTION} does not describe an agent")
        if description["format"] > FORMAT:
            raise ValueError(f"its format is {description['format']}, newer than {FORMAT}: update this library")
        digest = description.pop("digest", None)
        if digest != _digest(description, content):
            raise ValueError("its digest does not fit its content: it was altered after it was saved")
        tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return description, tensors


@contextmanager
def complaints_about(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns whatever goes wrong with the content of a file into one clear error."""
    try:
        yield
    except InvalidAgentError:
        raise
    except Exception as error:
        reason = str(error)
        if isinstance(error, zipfile.BadZipFile | EOFError):
            reason = "it is truncated, or no zip"
        elif isinstance(error, KeyError):
            reason = f"it lacks {error}"
        raise InvalidAgentError(path, reason) from error


def _digest(description: dict[str, Any], content: bytes) -> str:
    canonical = json.dumps(description, sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(canonical).digest() + hashlib.sha256(content).digest()).hexdigest()
