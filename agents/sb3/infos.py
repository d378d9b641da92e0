"""What Stable-Baselines3 expects in the `info` of a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glimpse_env.dataset_rollout import to_numpy


class LazyInfos(Sequence[dict[str, Any]]):
    """The `info` of each sub-environment, made when somebody reads one: most trainings have no callback that does.

    Args:
        make: Makes them.
        num_envs: How many there will be.
    """

    def __init__(self, make: Callable[[], list[dict[str, Any]]], num_envs: int) -> None:
        self._make = make
        self._num_envs = num_envs

    @cached_property
    def _infos(self) -> list[dict[str, Any]]:
        return self._make()

    def __len__(self) -> int:
        return self._num_envs

    def __getitem__(self, index: Any) -> Any:
        return self._infos[index]


def going_on(num_envs: int) -> list[dict[str, Any]]:
    """The `info` of each sub-environment on a step that does not end the episodes."""
    return [{"TimeLimit.truncated": False} for _ in range(num_envs)]


def at_the_end(
    outcome: dict[str, Any],
    observations: Sequence[dict[str, NDArray[Any]]],
    returns: NDArray[np.float64],
    length: int,
    seconds: float,
) -> list[dict[str, Any]]:
    """The `info` of each sub-environment on the step that ends its episode, as `DummyVecEnv` and `Monitor` fill it.

    Args:
        outcome: What the environment itself says, an array or tensor `(N,)` for each key.
        observations: The last observation of each sub-environment.
        returns: Sum of the rewards of each episode, `(N,)`.
        length: Steps of an episode.
        seconds: Seconds since the environment was made, or the training began.
    """
    columns = {key: to_numpy(values).tolist() for key, values in outcome.items()}
    return [
        {
            **{key: column[number] for key, column in columns.items()},
            "TimeLimit.truncated": False,
            "terminal_observation": observation,
            "episode": {"r": round(total, 6), "l": length, "t": round(seconds, 6)},
        }
        for number, (observation, total) in enumerate(zip(observations, returns.tolist(), strict=True))
    ]


def unbatched(observations: dict[str, Any]) -> list[dict[str, NDArray[Any]]]:
    """Turns a batch of observations, arrays or tensors `(N, ...)`, into one observation per sub-environment."""
    arrays = {key: to_numpy(values) for key, values in observations.items()}
    return [dict(zip(arrays, parts, strict=True)) for parts in zip(*arrays.values(), strict=True)]
