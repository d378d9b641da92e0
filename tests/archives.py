"""Taking saved files apart, and putting them together again as somebody could who knows the format."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import torch

from glimpse_env.utils.archive import TENSORS, checksum


def members(path: Path) -> dict[str, bytes]:
    """The content of each member of a zip."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repack(path: Path, contents: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Writes a zip of these members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def unpack(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The description of a saved file, without its checksum, and its tensors."""
    contents = members(path)
    (name,) = contents.keys() - {TENSORS}
    description = json.loads(contents[name])
    description.pop("checksum", None)
    return description, torch.load(io.BytesIO(contents[TENSORS]), weights_only=True)


def redescribe(path: Path, description: Any, content: bytes) -> None:
    """Replaces both members, with the checksum that fits them."""
    (name,) = members(path).keys() - {TENSORS}
    if isinstance(description, dict):
        described = {key: value for key, value in description.items() if key != "checksum"}
        description = described | {"checksum": checksum(described, [content])}
    repack(path, {name: json.dumps(description).encode(), TENSORS: content})


def forge(path: Path, description: dict[str, Any] | None = None, **tensors: Any) -> None:
    """Changes parts of a saved file, with the checksum that fits them."""
    described, saved = unpack(path)
    rewrite(path, described | (description or {}), saved | tensors)


def rewrite(path: Path, description: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Replaces the description and the tensors, with the checksum that fits them."""
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    redescribe(path, description, buffer.getvalue())
