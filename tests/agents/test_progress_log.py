"""The log of a training: continued after a kill, made again after it was deleted, and read without what is torn."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import pytest
from stable_baselines3.common.logger import Figure, FormatUnsupportedError, Logger

from agents import RunFolder
from agents.progress_log import ProgressLog

HEADER = "time/total_timesteps,rollout/success_rate\n"


def append(path: Path, num_timesteps: int, *rows: dict[str, Any]) -> ProgressLog:
    """Opens a log for an agent of so many steps, and writes lines."""
    log = ProgressLog(path, num_timesteps)
    for values in rows:
        log.write(values, dict.fromkeys(values, ()))
    return log


def row(steps: int, accuracy: float) -> dict[str, Any]:
    return {"time/total_timesteps": steps, "rollout/success_rate": accuracy}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.csv"


def test_loses_what_came_after_the_checkpoint(path: Path) -> None:
    path.write_text(f"{HEADER}10,0.1\n20,0.2\n30,0.3\n", encoding="utf-8")
    append(path, 20, row(25, 0.25))
    assert path.read_text(encoding="utf-8") == f"{HEADER}10,0.1\n20,0.2\n25,0.25\n"


@pytest.mark.parametrize("torn", ["30", "30,0.", "time/total", "\0\0\0\n", "\0\0\0", "30\n", "thirty,0.3\n"])
def test_loses_a_torn_line(torn: str, path: Path) -> None:
    whole = "" if torn.startswith("time") else f"{HEADER}10,0.1\n20,0.2\n"
    path.write_text(whole + torn, encoding="utf-8")
    append(path, 40)
    assert path.read_text(encoding="utf-8") == whole
    assert list(path.parent.iterdir()) == [path]
    append(path, 40, row(40, 0.4))
    assert path.read_text(encoding="utf-8") == (whole or HEADER) + "40,0.4\n"


def test_a_log_of_later_lines_only_begins_anew(path: Path) -> None:
    path.write_text("time/total_timesteps,other\n10,0.1\n", encoding="utf-8")
    append(path, 0, row(5, 0.5))
    assert path.read_text(encoding="utf-8") == f"{HEADER}5,0.5\n"


def test_each_line_can_be_read_as_soon_as_it_is_written(path: Path) -> None:
    log = append(path, 0, row(10, 0.1))
    with open(path, encoding="utf-8") as reader:
        assert reader.read() == f"{HEADER}10,0.1\n"
        log.write(row(20, 0.2), {})
        assert reader.read() == "20,0.2\n"
        log.save(path)
        log.write(row(30, 0.3), {})
        assert reader.read() == "30,0.3\n", "a file that is whole is not replaced"


@pytest.mark.parametrize("folder_too", [True, False])
def test_a_log_that_was_deleted_is_made_again(folder_too: bool, tmp_path: Path) -> None:
    path = tmp_path / "run" / "progress.csv"
    log = append(path, 0, row(10, 0.1))
    path.unlink()
    if folder_too:
        path.parent.rmdir()
    log.write(row(20, 0.2), {})
    log.save(path)
    assert path.read_text(encoding="utf-8") == f"{HEADER}10,0.1\n20,0.2\n"


def test_a_new_key_is_a_new_column(path: Path) -> None:
    append(path, 0, row(10, 0.1), row(20, 0.2) | {"eval/mean, really": 0.5}, row(30, 0.3))
    log = RunFolder(path.parent).read_log()
    assert list(log) == ["time/total_timesteps", "rollout/success_rate", "eval/mean, really"]
    np.testing.assert_array_equal(log["eval/mean, really"], [np.nan, 0.5, np.nan])


def test_keys_that_are_excluded_and_texts_are_as_in_stable_baselines3(path: Path) -> None:
    logger = Logger(str(path.parent), [append(path, 0)])
    logger.record("only elsewhere", 1, exclude="csv")
    logger.record("note", 'a "word", and\na line')
    logger.record("time/total_timesteps", 6)
    logger.dump()
    logger.record("figure", Figure(matplotlib.figure.Figure(), close=False))
    with pytest.raises(FormatUnsupportedError):
        logger.dump()
    log = RunFolder(path.parent).read_log()
    assert list(log) == ["note", "time/total_timesteps"]
    np.testing.assert_array_equal(log["note"], [np.nan])
    np.testing.assert_array_equal(log["time/total_timesteps"], [6])


def test_a_log_that_cannot_be_rewritten_stays_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path.write_text("time/total_timesteps\n10\n", encoding="utf-8")
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        ProgressLog(path, 5)
    assert path.read_text(encoding="utf-8") == "time/total_timesteps\n10\n"


@pytest.mark.parametrize("torn", ["", "30", "30,0.", "30,0.3", "30\n"])
def test_a_reader_gets_the_whole_lines(torn: str, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.log.write_text(f"{HEADER}10,0.125\n20,\n{torn}", encoding="utf-8")
    log = run.read_log()
    assert list(log) == ["time/total_timesteps", "rollout/success_rate"]
    np.testing.assert_array_equal(log["time/total_timesteps"], [10, 20])
    np.testing.assert_array_equal(log["rollout/success_rate"], [0.125, np.nan])


def test_a_log_without_lines_has_empty_columns_or_none(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(FileNotFoundError):
        run.read_log()
    run.log.touch()
    assert run.read_log() == {}
    run.log.write_text(HEADER, encoding="utf-8")
    assert {key: values.shape for key, values in run.read_log().items()} == {
        "time/total_timesteps": (0,),
        "rollout/success_rate": (0,),
    }
