"""Members that are stored are read; what could be larger than the file is refused."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from glimpse_env.utils.stored_zip import CHUNK, NO_ZIP, StoredZip

CONTENTS = {"empty": b"", "one": b"\x01", "long": bytes(range(256)) * (CHUNK // 128) + b"end"}


def packed(compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in CONTENTS.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_members_are_read_whole_and_in_parts() -> None:
    archive = StoredZip.open(io.BytesIO(packed()))
    assert set(archive.places) == set(CONTENTS)
    for name, content in CONTENTS.items():
        assert archive.size(name) == len(content)
        assert archive.read(name) == content
        parts = list(archive.chunks(name))
        assert b"".join(parts) == content
        assert all(len(part) <= CHUNK for part in parts)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressed_members_are_refused(compression: int) -> None:
    with pytest.raises(ValueError, match="expected members that are neither compressed nor encrypted"):
        StoredZip.open(io.BytesIO(packed(compression)))


@pytest.mark.parametrize("tenth", range(10))
def test_a_truncated_zip_is_refused(tenth: int) -> None:
    content = packed()
    with pytest.raises(ValueError, match=NO_ZIP):
        StoredZip.open(io.BytesIO(content[: len(content) * tenth // 10]))


def test_no_damage_to_the_directory_is_another_error() -> None:
    content = packed()
    start = content.index(b"PK\x01\x02")
    rng = np.random.default_rng(0)
    for _ in range(2000):
        damaged = bytearray(content)
        damaged[rng.integers(start, len(content))] = rng.integers(256)
        try:
            archive = StoredZip.open(io.BytesIO(damaged))
        except ValueError:
            continue
        assert sum(len(archive.read(name)) for name in archive.places) <= 3 * len(content)
