"""Checks that data files are the ones that their authors published, before anything is read from them.

torchvision verifies a checksum when it downloads an archive. Afterwards it only looks whether the unpacked files exist,
so that it would not notice a broken copy or a flipped bit.
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path

MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 checksums of the four unpacked MNIST files."""

_IDX_UINT8 = 0x08


class DatasetError(RuntimeError):
    """Image data are missing, damaged, or not what they have to be."""


def verify_idx(
    path: Path, shape: tuple[int, ...], *, sha256: str | None = None, archive_md5: str | None = None
) -> None:
    """Checks an unpacked idx file (the format of MNIST) of unsigned bytes.

    Args:
        path: The file.
        shape: Shape of the array that it must hold, e.g. `(60000, 28, 28)`.
        sha256: SHA-256 checksum of the file, where one is known.
        archive_md5: MD5 checksum of the archive that the file was unpacked from. If the archive still lies beside the
            file, as `<path>.gz`, it must have this checksum and contain exactly the file.

    Raises:
        DatasetError: The file is missing, unreadable, truncated, too long or altered, or its archive is altered.
    """
    expected = struct.pack(f">HBB{len(shape)}I", 0, _IDX_UINT8, len(shape), *shape)
    expected_size = len(expected) + prod(shape)
    with _read_errors(path), path.open("rb") as file:
        header, size = file.read(len(expected)), path.stat().st_size
    if size != expected_size:
        kind = "truncated" if size < expected_size else "too long"
        raise _unusable(path, f"is {kind}: expected {expected_size} bytes, got {size}")
    if header != expected:
        raise _unusable(
            path, f"is altered: expected the idx header {expected.hex()} (shape {shape}), got {header.hex()}"
        )
    if sha256 is not None:
        _verify(path, "SHA-256", sha256)
    archive = path.with_name(f"{path.name}.gz")
    if archive_md5 is not None and archive.exists():
        verify_md5(archive, archive_md5)
        if gzip.decompress(archive.read_bytes()) != path.read_bytes():
            raise _unusable(path, f"is altered: it differs from what {archive.name} beside it contains")


def verify_md5(path: Path, md5: str) -> None:
    """Checks a file against its published MD5 checksum.

    Raises:
        DatasetError: The file is missing, unreadable, or altered.
    """
    _verify(path, "MD5", md5)


def _verify(path: Path, algorithm: str, expected: str) -> None:
    # It imports requests, which takes longer to import than glimpse_env.
    import pooch

    with _read_errors(path):
        got = pooch.file_hash(str(path), alg=algorithm.lower().replace("-", ""))
    if got != expected:
        raise _unusable(path, f"is altered or truncated: expected {algorithm} {expected}, got {got}")


@contextmanager
def _read_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing. Put an intact copy there.") from error
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}). Make it a readable file.") from error


def _unusable(path: Path, problem: str) -> DatasetError:
    return DatasetError(
        f"{path} {problem}. Replace it by an intact copy, or delete it: what is absent is downloaded at the next load."
    )
