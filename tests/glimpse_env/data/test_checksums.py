"""Image data files that are missing, truncated or altered are refused, by an error that names the file."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from glimpse_env.data.checksums import MNIST_SHA256, DatasetError, verify_idx, verify_md5

SHAPE = (3, 4, 5)
CONTENT = struct.pack(">HBB3I", 0, 8, 3, *SHAPE) + bytes(range(60))


@pytest.fixture
def idx(tmp_path: Path) -> Path:
    path = tmp_path / "images-idx3-ubyte"
    path.write_bytes(CONTENT)
    return path


def with_archive(idx: Path, content: bytes) -> str:
    archive = gzip.compress(content)
    idx.with_name(f"{idx.name}.gz").write_bytes(archive)
    return hashlib.md5(archive).hexdigest()


def flip_last_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_an_intact_file_passes_every_check(idx: Path) -> None:
    verify_idx(idx, SHAPE, sha256=hashlib.sha256(CONTENT).hexdigest(), archive_md5=with_archive(idx, CONTENT))


def test_an_archive_that_is_not_kept_is_not_needed(idx: Path) -> None:
    verify_idx(idx, SHAPE, archive_md5="0" * 32)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "is truncated: expected 76 bytes, got 0"),
        (lambda path: path.write_bytes(CONTENT[:-1]), "is truncated: expected 76 bytes, got 75"),
        (lambda path: path.write_bytes(CONTENT + b"\0"), "is too long: expected 76 bytes, got 77"),
        (lambda path: path.write_bytes(b"\x1f\x8b" + CONTENT[2:]), "idx header"),
        (lambda path: path.write_bytes(CONTENT[:3] + b"\x02" + CONTENT[4:]), "idx header"),
        (
            lambda path: path.write_bytes(CONTENT[:4] + struct.pack(">3I", 4, 3, 5) + CONTENT[16:]),
            "idx header",
        ),
    ],
)
def test_size_and_header_are_always_checked(idx: Path, damage: Callable[[Path], object], problem: str) -> None:
    damage(idx)
    with pytest.raises(DatasetError) as raised:
        verify_idx(idx, SHAPE)
    assert str(idx) in str(raised.value)
    assert problem in str(raised.value)


def test_one_flipped_bit_changes_the_checksum(idx: Path) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    flip_last_bit(idx)
    with pytest.raises(DatasetError, match=f"expected SHA-256 {sha256}"):
        verify_idx(idx, SHAPE, sha256=sha256)


def test_a_file_must_be_what_its_archive_contains(idx: Path) -> None:
    md5 = with_archive(idx, CONTENT)
    flip_last_bit(idx)
    with pytest.raises(DatasetError, match=r"images-idx3-ubyte is altered: it differs from .*-ubyte\.gz"):
        verify_idx(idx, SHAPE, archive_md5=md5)


def test_the_archive_is_checked_too(idx: Path) -> None:
    md5 = with_archive(idx, CONTENT)
    flip_last_bit(idx.with_name(f"{idx.name}.gz"))
    with pytest.raises(DatasetError, match=rf"images-idx3-ubyte\.gz is altered .*expected MD5 {md5}"):
        verify_idx(idx, SHAPE, archive_md5=md5)


def test_md5_of_a_file(idx: Path) -> None:
    md5 = hashlib.md5(CONTENT).hexdigest()
    verify_md5(idx, md5)
    flip_last_bit(idx)
    with pytest.raises(DatasetError, match=f"expected MD5 {md5}"):
        verify_md5(idx, md5)


def test_what_is_not_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="cannot be read"):
        verify_md5(tmp_path, "0" * 32)


def test_the_error_says_what_to_do(idx: Path) -> None:
    idx.write_bytes(CONTENT[:-1])
    with pytest.raises(DatasetError, match="Replace it by an intact copy, or delete it"):
        verify_idx(idx, SHAPE)


@pytest.mark.parametrize("name", MNIST_SHA256)
def test_the_real_mnist_files_pass(mnist_dir: Path, name: str) -> None:
    count = 60_000 if name.startswith("train") else 10_000
    shape = (count, 28, 28) if "images" in name else (count,)
    verify_idx(mnist_dir / "MNIST" / "raw" / name, shape, sha256=MNIST_SHA256[name])
