"""Recordings: what an agent saw, knew and believed on every image, glimpse by glimpse."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from tqdm import tqdm

from glimpse_env.dataset_rollout import Agent, dataset_rollout, world_of
from glimpse_env.retina import Retina
from glimpse_env.spaces import belief_of, unpack_action
from glimpse_env.utils.archive import Archive, InvalidFileError

_ARRAYS = ("hidden", "beliefs", "locations", "labels", "indices", "canvases", "originals")


class InvalidRecordingError(InvalidFileError):
    """A file is not a recording that can be loaded."""

    kind = "a recording"


RECORDINGS = Archive("recording", 1, InvalidRecordingError)


@dataclass(frozen=True, eq=False)
class Recording:
    """`T` glimpses at each of `N` images.

    Attributes:
        hidden: The agent's state after each glimpse, `(N, T, D)` float32; of a Stable-Baselines3 model all parts of its
            state in a row.
        beliefs: `(N, T, C)` float32, each summing to 1.
        locations: Where each glimpse was taken, `(N, T, 2)` float32.
        labels: `(N,)` int64.
        indices: Which image of the split, `(N,)` int64.
        canvases: What there was to look at, `(N, channels, H, W)` uint8.
        originals: The clean images, `(N, channels, h, w)` uint8.
        retina: The geometry of looking.

    Raises:
        ValueError: An array has another type or shape.
    """

    hidden: NDArray[np.float32]
    beliefs: NDArray[np.float32]
    locations: NDArray[np.float32]
    labels: NDArray[np.int64]
    indices: NDArray[np.int64]
    canvases: NDArray[np.uint8]
    originals: NDArray[np.uint8]
    retina: Retina

    def __post_init__(self) -> None:
        leading = self.hidden.shape[:2]
        _check("hidden", self.hidden, np.float32, (*leading, None))
        _check("beliefs", self.beliefs, np.float32, (*leading, None))
        _check("locations", self.locations, np.float32, (*leading, 2))
        for name in ("labels", "indices"):
            _check(name, getattr(self, name), np.int64, leading[:1])
        for name in ("canvases", "originals"):
            _check(name, getattr(self, name), np.uint8, (*leading[:1], None, None, None))

    def __len__(self) -> int:
        """Number of images."""
        return len(self.hidden)

    def __getitem__(self, images: slice) -> Recording:
        """A recording of some of the images."""
        return replace(self, **{name: getattr(self, name)[images] for name in _ARRAYS})

    def canvas_is_original(self) -> bool:
        """Whether there was nothing else to look at than the clean images."""
        return np.array_equal(self.canvases, self.originals)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the recording as one zip, all or not at all; see `glimpse_env.utils.archive`.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
        """
        RECORDINGS.write(path, asdict(self.retina), {name: torch.from_numpy(getattr(self, name)) for name in _ARRAYS})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recording:
        """Reads what `save` wrote, without executing anything.

        Raises:
            FileNotFoundError: There is no such file.
            InvalidRecordingError: It is damaged, no recording, or of a newer format.
        """
        numbers, tensors = RECORDINGS.read(path)
        with RECORDINGS.complaints_about(path):
            parts: dict[str, Any] = {name: tensors[name].numpy() for name in _ARRAYS}
            return cls(**parts, retina=Retina(int(numbers["glimpse_size"]), int(numbers["num_scales"])))


def record(
    agent: Agent,
    env: VectorEnv[Any, Any, Any],
    num_images: int | None = None,
    *,
    seed: int = 0,
    progress: bool = False,
) -> Recording:
    """Lets an agent look at the first images of a split, each once, without chance in what it does.

    Args:
        agent: Who looks. It is reached through `predict` alone, and must return a state.
        env: A native vector environment on that split; its copies are the batch.
        num_images: How many images; by default all of the split.
        seed: Of the first locations; see `glimpse_env.dataset_rollout`.
        progress: Show a progress bar.

    Raises:
        ValueError: `env` is no such environment, there are fewer images, or the agent has no state.
    """
    batches: dict[str, list[NDArray[Any]]] = {name: [] for name in ("hidden", "beliefs", "locations", "canvases")}
    with tqdm(desc="Recording", disable=not progress, unit="glimpse") as bar:
        for batch in dataset_rollout(agent, env, num_images, seed=seed):
            if batch.state is None:
                raise ValueError("expected an agent with a state, but its predict() returned None for it")
            new = slice(len(batch.images))
            batches["hidden"].append(flatten_state(batch.state)[new])
            batches["beliefs"].append(belief_of(torch.from_numpy(batch.logits[new])).numpy())
            batches["locations"].append(batch.observation["location"][new])
            if batch.glimpse == 0:
                batches["canvases"].append(batch.canvases[new])
            bar.update(len(batch.images))
    world = world_of(env)
    canvases = np.concatenate(batches.pop("canvases"))
    steps = {name: _by_image(parts, world.config.num_glimpses) for name, parts in batches.items()}
    count = len(canvases)
    return Recording(
        **steps,
        labels=world.dataset.labels.numpy()[:count].copy(),
        indices=np.arange(count),
        canvases=canvases,
        originals=world.dataset.images.numpy()[:count],
        retina=world.retina,
    )


def _by_image(parts: list[NDArray[Any]], num_glimpses: int) -> NDArray[Any]:
    """Puts the glimpses of batches, one after the other, into one array `(images, glimpses, ...)`."""
    batches = (parts[first : first + num_glimpses] for first in range(0, len(parts), num_glimpses))
    return np.concatenate([np.stack(batch, axis=1) for batch in batches])


def beliefs_of(actions: NDArray[np.float32]) -> NDArray[np.float32]:
    """The beliefs `(N, C)` in actions `(N, 2 + C)`."""
    return belief_of(torch.from_numpy(np.asarray(unpack_action(actions).logits, dtype=np.float32))).numpy()


def flatten_state(state: Any) -> NDArray[np.float32]:
    """An agent's state as one row an observation, `(N, D)`.

    Args:
        state: An array `(N, D)`, or as Stable-Baselines3's recurrent models have it, a tuple of arrays
            `(layers, N, size)`.
    """
    if isinstance(state, tuple):
        rows = [part.swapaxes(0, 1).reshape(part.shape[1], -1) for part in state]
        return np.concatenate(rows, axis=1, dtype=np.float32)
    return np.asarray(state, dtype=np.float32)


def state_restorer(example: Any) -> Callable[[NDArray[np.float32]], Any]:
    """Returns the inverse of `flatten_state`, for states that have the form of `example`."""
    if not isinstance(example, tuple):
        return lambda rows: rows
    shapes = [(part.shape[0], part.shape[2]) for part in example]
    ends = np.cumsum([layers * size for layers, size in shapes])[:-1]

    def restore(rows: NDArray[np.float32]) -> Any:
        parts = np.split(rows, ends, axis=1)
        return tuple(
            part.reshape(len(rows), layers, size).swapaxes(0, 1).copy()
            for part, (layers, size) in zip(parts, shapes, strict=True)
        )

    return restore


def _check(name: str, array: NDArray[Any], dtype: Any, shape: tuple[int | None, ...]) -> None:
    """Raises a `ValueError` unless an array has this type and shape, where None stands for any length."""
    fits = array.ndim == len(shape) and all(side in (None, has) for side, has in zip(shape, array.shape, strict=True))
    if array.dtype != dtype or not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(
            f"expected {name} of {np.dtype(dtype)} and shape ({wanted}), got {array.dtype} and {array.shape}"
        )
