"""Run folders: which files one training leaves behind, and how they are read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.algorithms.base import Algorithm
from agents.loading import load
from agents.progress_log import read_columns
from agents.sb3.agent import holds_sb3_model
from glimpse_env.utils.archive import with_suffix
from glimpse_env.utils.folder_lock import FolderLock
from glimpse_env.utils.paths import read_path

AGENT, MODEL = "agent.zip", "model.zip"
"""Files in a run folder: an agent of this library, or a model of Stable-Baselines3."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one training.

    Args:
        path: The folder. It need not exist.
        agent_name: The name of the agent's file in it.

    Example:
        >>> run = RunFolder(Path("runs/digits"))
        >>> run.agent.as_posix(), run.log.as_posix()
        ('runs/digits/agent.zip', 'runs/digits/progress.csv')
    """

    path: Path
    agent_name: str = AGENT

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> RunFolder:
        """Returns the run folder at a path, or the folder around the file of an agent.

        Args:
            path: An existing folder, or the file of a saved agent.

        Raises:
            FileNotFoundError: There is neither.
            TypeError: It is no path.
            ValueError: It has a NUL character.
        """
        path = read_path("path", path)
        if path.is_dir():
            model = cls(path, MODEL)
            return model if model.agent.is_file() and not cls(path).agent.is_file() else cls(path)
        file = with_suffix(path)
        if not file.is_file():
            raise FileNotFoundError(f"expected a run folder or the file of a saved agent, got {path}: there is neither")
        return cls(file.parent, file.name)

    @property
    def agent(self) -> Path:
        """The agent as of the last checkpoint, or as of the end of the training."""
        return self.path / self.agent_name

    @property
    def arguments(self) -> Path:
        """The arguments of the training, as JSON."""
        return self.path / "arguments.json"

    @property
    def log(self) -> Path:
        """The log of the training, with the keys of Stable-Baselines3, as CSV."""
        return self.path / "progress.csv"

    @property
    def learning_curve(self) -> Path:
        """The figure of the error and the return in training."""
        return self.path / "learning_curve.png"

    @property
    def evaluation(self) -> Path:
        """The accuracy on the test split after each glimpse, as JSON."""
        return self.path / "evaluation.json"

    @property
    def glimpse_paths(self) -> Path:
        """The figure of the locations on the first images of the test split."""
        return self.path / "glimpse_paths.png"

    @property
    def explanation(self) -> Path:
        """The folder of the explanation."""
        return self.path / "explanation"

    def lock(self) -> FolderLock:
        """Keeps other programs out of the folder, in a `with` block; see `FolderLock`, which also lists the errors."""
        return FolderLock(self.path)

    def load_agent(self, device: str = "auto") -> Algorithm:
        """Loads the agent; see `agents.load`, which lists more errors.

        Raises:
            ValueError: It is a model of Stable-Baselines3.
        """
        if holds_sb3_model(self.agent):
            raise ValueError(f"expected an agent of this library, got a model of Stable-Baselines3: {self.agent}")
        return load(self.agent, device=device)

    def read_arguments(self) -> dict[str, Any]:
        """Reads the arguments of the training.

        Raises:
            FileNotFoundError: There are none, because another program trained the agent.
            ValueError: The file does not hold a JSON object.
        """
        try:
            arguments = json.loads(self.arguments.read_bytes())
        except (ValueError, RecursionError):
            arguments = None
        if not isinstance(arguments, dict):
            raise ValueError(f"expected the arguments of a training as JSON, but {self.arguments} holds something else")
        return arguments

    def read_log(self) -> dict[str, NDArray[np.float64]]:
        """Reads the log, without lines that were torn when the training was killed.

        Returns:
            The values of each key, `(lines,)`; NaN where a line has none.

        Raises:
            FileNotFoundError: There is no log.
        """
        return read_columns(self.log)
