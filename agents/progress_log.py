"""The log of a training, as a CSV file with the keys of Stable-Baselines3."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.logger import Figure, FormatUnsupportedError, HParam, Image, KVWriter, Video

from glimpse_env.utils.atomic import open_atomic

STEPS = "time/total_timesteps"


class ProgressLog(KVWriter):
    """A log in which a training that was interrupted can go on.

    Each line is appended to the file when it is written. `save` makes sure that the file is whole, even if it was
    deleted in between, so an agent that is saved after it never misses a line.

    Args:
        path: The file. It need not exist. Lines that are torn, or later than `num_timesteps`, are removed.
        num_timesteps: The steps that the agent has taken.

    Raises:
        OSError: The file cannot be written; it is left as it was.
    """

    def __init__(self, path: Path, num_timesteps: int) -> None:
        self.path = path
        self._names, lines = read_lines(path) if path.exists() else ([], [])
        rows = [dict(zip(self._names, line, strict=True)) for line in lines]
        self._rows = [row for row in rows if as_number(row.get(STEPS, "")) <= num_timesteps]
        if not self._rows:
            self._names = []
        self.save(path)

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """Appends a line; see `stable_baselines3.common.logger.KVWriter`.

        Raises:
            FormatUnsupportedError: A value is a picture, or something else that is no number and no text.
            OSError: The file cannot be written.
        """
        row = {}
        for name, value in key_values.items():
            if "csv" in (key_excluded.get(name) or ()):
                continue
            if isinstance(value, Figure | HParam | Image | Video):
                raise FormatUnsupportedError(["csv"], type(value).__name__.lower())
            row[name] = str(value)
        self._rows.append(row)
        if new := [name for name in row if name not in self._names]:
            self._names += new
            self.save(self.path)
        elif self.path.exists():  # otherwise `save` makes it again
            with open(self.path, "a", encoding="utf-8", newline="") as file:
                file.write(_to_csv([self._values(row)]))

    def save(self, path: Path) -> None:
        """Makes sure that a file holds all lines, and that they survive a crash.

        Args:
            path: The file of this log, or another one, to which everything is copied.

        Raises:
            OSError: It cannot be written.
        """
        header = [self._names] if self._names else []
        content = _to_csv(header + [self._values(row) for row in self._rows]).encode()
        if path.is_file() and path.read_bytes() == content:
            with open(path, "rb+") as file:
                os.fsync(file.fileno())
        else:
            with open_atomic(path) as file:
                file.write(content)

    def close(self) -> None:
        """Does nothing: the file is open only while a line is written."""

    def _values(self, row: dict[str, str]) -> list[str]:
        return [row.get(name, "") for name in self._names]


def read_lines(path: Path) -> tuple[list[str], list[list[str]]]:
    """Reads the header and the values in each line of a log, without lines that are torn.

    Raises:
        OSError: The file cannot be read.
    """
    *whole, _torn = path.read_text(encoding="utf-8", errors="replace").split("\n")
    # After a crash of the machine, zeros may stand where a line was to be written.
    names, *lines = list(csv.reader(f"{line}\n" for line in whole if "\0" not in line)) or [[]]
    return names, [line for line in lines if len(line) == len(names)]


def read_columns(path: Path) -> dict[str, NDArray[np.float64]]:
    """Reads the values of each key, `(lines,)`; NaN where a line has no number.

    Raises:
        OSError: The file cannot be read.
    """
    names, lines = read_lines(path)
    values = np.array([[as_number(value) for value in line] for line in lines])
    return dict(zip(names, values.reshape(-1, len(names)).T, strict=True)) if names else {}


def as_number(text: str) -> float:
    """Reads a number; NaN where there is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _to_csv(lines: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
