"""Archives: what is written is read, older files load, and anything else is refused."""

from __future__ import annotations

import json
import os
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from glimpse_env.utils.archive import Archive, InvalidFileError, checksum, with_suffix
from glimpse_env.utils.stored_tensors import TensorSpec
from tests.archives import unpack
from tests.awkward_values import unclear_errors


class InvalidShoeError(InvalidFileError):
    kind = "a shoe"


SHOES = Archive("shoe", 3, InvalidShoeError)
DESCRIPTION: dict[str, Any] = {"size": 43, "colour": "red"}
TENSORS: dict[str, Any] = {"left": torch.arange(6).view(2, 3), "right": {"heel": torch.zeros(2), "sole": torch.ones(1)}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    SHOES.write(tmp_path / "shoe.zip", DESCRIPTION, TENSORS)
    return tmp_path / "shoe.zip"


EXPECTED = {
    "left": TensorSpec((2, 3), (torch.int64,)),
    "right": {"heel": TensorSpec((2,), (torch.float32,)), "sole": TensorSpec((1,), (torch.float32,))},
}


def read(path: Path, archive: Archive = SHOES) -> tuple[dict[str, Any], dict[str, Any]]:
    with archive.open(path) as saved:
        return saved.description, saved.tensors(EXPECTED)


def refused(path: Path, reason: str, archive: Archive = SHOES) -> None:
    with pytest.raises(archive.error, match=reason) as caught:
        read(path, archive)
    assert str(path) in str(caught.value)


def test_what_goes_in_comes_out(path: Path) -> None:
    description, tensors = read(path)
    assert description == DESCRIPTION | {"format": 3}
    torch.testing.assert_close(tensors, TENSORS)


@pytest.mark.parametrize("year", [1970, 2026, 2200])
def test_the_clock_is_not_in_a_file(path: Path, monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    monkeypatch.setattr(time, "localtime", lambda *_: time.struct_time((year, 1, 1, 0, 0, 0, 0, 1, 0)))
    other = path.with_name("other.zip")
    SHOES.write(other, DESCRIPTION, TENSORS)
    assert other.read_bytes() == path.read_bytes()


def test_torch_itself_reads_the_tensors_of_a_file(path: Path) -> None:
    torch.testing.assert_close(unpack(path)[1], TENSORS)


def test_a_file_without_suffix_gets_one(tmp_path: Path) -> None:
    SHOES.write(tmp_path / "deep" / "left", DESCRIPTION, TENSORS)
    assert (tmp_path / "deep" / "left.zip").is_file()
    assert read(tmp_path / "deep" / "left")[0]["size"] == 43
    assert with_suffix("a.b") == Path("a.b")


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    refused(path, r"expected hat\.json and tensors\.pt", Archive("hat", 3, InvalidFileError))


def test_newer_formats_are_refused_and_older_ones_read(path: Path) -> None:
    refused(path, "its format 3 is newer than 2: update this library", Archive("shoe", 2, InvalidShoeError))
    assert read(path, Archive("shoe", 4, InvalidShoeError))[0] == DESCRIPTION | {"format": 3}


@pytest.mark.parametrize("part", range(10))
def test_a_truncated_file_is_refused(path: Path, part: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * part // 10])
    refused(path, "cannot be loaded as a shoe: it is truncated, or no zip")


def rewrite(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Replaces the description of a file."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("shoe.json", json.dumps(change(json.loads(parts["shoe.json"]))))
        archive.writestr("tensors.pt", parts["tensors.pt"])


def test_an_altered_description_is_refused(path: Path) -> None:
    rewrite(path, lambda description: description | {"size": 44})
    refused(path, "its checksum does not fit its content: it was altered after it was saved")


def test_a_missing_checksum_is_refused(path: Path) -> None:
    rewrite(path, lambda description: {key: value for key, value in description.items() if key != "checksum"})
    refused(path, "its checksum does not fit its content")


def test_a_file_that_calls_its_checksum_a_digest_is_read(path: Path) -> None:
    rewrite(path, lambda description: {"digest" if key == "checksum" else key: v for key, v in description.items()})
    description, tensors = read(path)
    assert description == DESCRIPTION | {"format": 3}
    torch.testing.assert_close(tensors, TENSORS)


@pytest.mark.parametrize("key", ["digest", "anything"])
def test_an_added_key_is_refused(path: Path, key: str) -> None:
    rewrite(path, lambda description: description | {key: "added"})
    refused(path, "its checksum does not fit its content")


def test_a_failed_write_leaves_the_older_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the shoe could not be saved") as caught:
        SHOES.write(path, DESCRIPTION | {"size": 44}, TENSORS)
    assert caught.value.errno == 28
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("use", [lambda path: SHOES.write(path, DESCRIPTION, TENSORS), read], ids=["write", "read"])
def test_a_path_is_taken_or_refused_in_clear_words(
    use: Callable[[Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def attempt(value: Any) -> None:
        with suppress(OSError):  # a name is too long, or a file of it is missing
            use(value)

    unclear = unclear_errors(attempt)
    assert not unclear, unclear


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_path_without_a_name_is_refused(path: str) -> None:
    for use in (lambda path: SHOES.write(path, DESCRIPTION, TENSORS), read):
        with pytest.raises(ValueError, match=r"expected path to be .*, got"):
            use(path)


def test_a_description_that_would_not_be_read_is_not_written(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ValueError, match="expected a description of at most 1048576 bytes, got"):
        SHOES.write(path, DESCRIPTION | {"colour": "x" * 2**20}, TENSORS)
    assert path.read_bytes() == before


def test_a_missing_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a saved shoe at"):
        read(tmp_path / "none.zip")


def test_a_checksum_fits_one_description_and_one_content() -> None:
    one = checksum({"a": 1, "b": 2}, [b"con", b"tent"])
    assert one == checksum({"b": 2, "a": 1}, [b"content"])
    assert one != checksum({"a": 1, "b": 3}, [b"content"])
    assert one != checksum({"a": 1, "b": 2}, [b"other"])


def test_missing_parts_are_named(path: Path) -> None:
    with pytest.raises(InvalidShoeError, match="it lacks 'heel'"), SHOES.open(path) as saved:
        saved.description["heel"]
