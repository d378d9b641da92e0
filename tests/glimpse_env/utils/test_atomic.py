"""Files that are written whole or not at all: errors, crashes, kill -9, and writers at the same time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from glimpse_env.utils import atomic
from glimpse_env.utils.atomic import open_atomic, remove_leftovers, write_json

# Begins to write a file, says so, and waits. It runs the module by itself, since the package takes seconds to import.
WRITER = """
import runpy, sys
with runpy.run_path(sys.argv[1])["open_atomic"](sys.argv[2]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.read()
"""


def write(path: Path, content: bytes) -> None:
    with open_atomic(path) as file:
        file.write(content)


def start_writer(path: Path) -> subprocess.Popen[bytes]:
    """Starts a process that is in the middle of writing a file until its input is closed."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, atomic.__file__, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == b"writing\n"
    return writer


def test_the_old_content_stays_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write(path, b"old")
    with open_atomic(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("error", [OSError, ValueError, KeyboardInterrupt])
def test_an_error_in_the_block_leaves_the_old_content_and_nothing_else(
    error: type[BaseException], tmp_path: Path
) -> None:
    def fail() -> None:
        with open_atomic(path) as file:
            file.write(b"new")
            raise error

    path = tmp_path / "file"
    write(path, b"old")
    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_in_place_of_the_file_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file"):
        write(tmp_path / "file", b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file [1]*.zip"
    killed, living = start_writer(path), start_writer(path)
    assert len(list(tmp_path.iterdir())) == 2
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    write(path, b"mine")
    assert len(list(tmp_path.iterdir())) == 2, "the file, and what the living writer writes"
    assert path.read_bytes() == b"mine"
    living.communicate()
    assert living.returncode == 0
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"half"


def test_only_temporary_files_of_that_very_path_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "agent.zip"
    leftover = tmp_path / f".agent.zip-{'0' * 16}"
    others = [
        tmp_path / name
        for name in (".agent.zip-backup", "agent.zip-old", f".agentAzip-{'0' * 16}", f".other.zip-{'0' * 16}")
    ]
    for file in [leftover, *others]:
        file.touch()
    remove_leftovers(path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_writers_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    errors: list[BaseException] = []

    def write_often(content: bytes) -> None:
        try:
            for _ in range(30):
                write(path, content)
                assert path.read_bytes() in {b"a" * 1000, b"b" * 1000}
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write_often, args=(letter * 1000,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "numbers.json"
    write_json(path, {"a": [1, float("nan")]})
    assert path.read_text() == '{\n  "a": [\n    1,\n    NaN\n  ]\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, float("nan"), allow_nan=False)
    assert json.loads(path.read_text())["a"][0] == 1
    assert [file.name for file in path.parent.iterdir()] == ["numbers.json"]
