"""The specs of environments as JSON."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from gymnasium.envs.registration import EnvSpec


class JSONSpec:
    """Base of an environment whose spec can be written as JSON whatever types its arguments had.

    `gym.make` keeps in `env.spec.kwargs` what it was called with. A path, a number of NumPy or a device would break
    `spec.to_json()`, so each is kept as a plain string or number.
    """

    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """How `gym.make` made this environment, or None."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        if spec is not None:
            spec.kwargs = {name: _plain(value) for name, value in spec.kwargs.items()}
        self._spec = spec


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
