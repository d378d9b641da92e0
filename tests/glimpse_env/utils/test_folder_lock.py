"""The lock of a folder: kept out are other programs and threads, until the block or the process ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from glimpse_env.utils import folder_lock
from glimpse_env.utils.folder_lock import FolderInUseError, FolderLock

# Takes the lock of a folder, says so, and waits. It runs the module by itself, which saves seconds of imports.
HOLDER = """
import pathlib, runpy, sys
with runpy.run_path(sys.argv[1])["FolderLock"](pathlib.Path(sys.argv[2])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def start_holder(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HOLDER, folder_lock.__file__, str(folder)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    return holder


def is_free(folder: Path) -> bool:
    """Whether another thread, which counts as another program does, can take the lock."""
    errors = []

    def take() -> None:
        try:
            with FolderLock(folder):
                pass
        except FolderInUseError as error:
            errors.append(error)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return not errors


def test_makes_the_folder_and_keeps_others_out_until_the_block_ends(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    with FolderLock(folder):
        assert not is_free(folder)
    assert is_free(folder)


def test_the_same_thread_may_take_it_again_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with FolderLock(tmp_path):
        with FolderLock(Path(".")):
            assert not is_free(tmp_path)
        assert not is_free(tmp_path)
    assert is_free(tmp_path)


@pytest.mark.parametrize("killed", [True, False])
def test_is_free_again_when_the_process_that_held_it_is_gone(killed: bool, tmp_path: Path) -> None:
    holder = start_holder(tmp_path)
    with pytest.raises(FolderInUseError, match=f"expected a folder that no other program is using, got {tmp_path}"):
        FolderLock(tmp_path).__enter__()
    if killed:
        holder.kill()
    holder.communicate()
    with FolderLock(tmp_path):
        pass


def test_is_taken_anew_where_the_folder_was_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with FolderLock(folder):
        with FolderLock(folder) as inner:
            inner.renew()
            assert not is_free(folder)
            shutil.rmtree(folder)
            inner.renew()
            assert not is_free(folder)
        assert not is_free(folder)
    assert is_free(folder)


def test_is_lost_where_another_program_took_the_folder_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with FolderLock(folder) as lock:
        shutil.rmtree(folder)
        holder = start_holder(folder)
        with pytest.raises(FolderInUseError):
            lock.renew()
    assert not is_free(folder), "the end of the block does not end the other's lock"
    holder.communicate()
    assert is_free(folder)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), FolderLock(tmp_path / "file" / "run"):
        pass
    assert os.listdir(tmp_path) == ["file"]
