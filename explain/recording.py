"""Recordings: what an agent saw, knew and believed on every image, glimpse by glimpse."""

from __future__ import annotations

import os
import secrets
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from tqdm import tqdm

from glimpse_env import GlimpseVectorEnv

FORMAT = 1


class Agent(Protocol):
    """Anything that acts as Stable-Baselines3's models do."""

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        """Returns actions and the next state for a batch of observations."""


class InvalidRecordingError(ValueError):
    """A file is not a recording that can be loaded."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be loaded as a recording: {reason}")


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
        glimpse_size: Side of a patch after pooling, in pixels.
        num_scales: Patches a glimpse.

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
    glimpse_size: int
    num_scales: int

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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the recording as one `.npz` file, all or not at all.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        try:
            with open(temporary, "xb") as file:
                np.savez_compressed(file, format=FORMAT, **{one.name: getattr(self, one.name) for one in fields(self)})
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Recording:
        """Reads what `save` wrote, without executing anything.

        Raises:
            FileNotFoundError: There is no such file.
            InvalidRecordingError: It is damaged, no recording, or of a newer format.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"expected a recording at {path}, but there is no such file")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if int(arrays["format"]) > FORMAT:
                    raise ValueError(f"its format is {arrays['format']}, newer than {FORMAT}: update this library")
                parts = {one.name: arrays[one.name] for one in fields(cls)}
            for name in ("glimpse_size", "num_scales"):
                parts[name] = int(parts[name])
            return cls(**parts)
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, TypeError, NotImplementedError) as error:
            raise InvalidRecordingError(path, str(error)) from error
        except Exception as error:  # zlib raises an exception of its own on damaged bytes
            raise InvalidRecordingError(path, f"it is damaged ({error})") from error


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
        env: A native vector environment of NumPy arrays on that split; its copies are the batch.
        num_images: How many images; by default all of the split.
        seed: Of the first locations.
        progress: Show a progress bar.

    Raises:
        ValueError: `env` is no such environment, there are fewer images, or the agent has no state.
    """
    native = env.unwrapped
    if not isinstance(native, GlimpseVectorEnv):
        raise ValueError(f"expected a native vector environment of glimpses, got {env}")
    images = native.world.dataset.images
    count = len(images) if num_images is None else num_images
    if not 1 <= count <= len(images):
        raise ValueError(f"expected num_images between 1 and {len(images)}, got {count}")
    batches = []
    for start in tqdm(range(0, count, env.num_envs), "Recording", disable=not progress, unit="batch"):
        indices = np.arange(start, start + env.num_envs).clip(max=count - 1)
        seeds = [seed + int(index) for index in range(start, start + env.num_envs)]
        batches.append(_play(agent, env, native, indices, seeds))
    hidden, beliefs, locations, labels, indices, canvases = (
        np.concatenate(parts)[:count] for parts in zip(*batches, strict=True)
    )
    config = native.world.config
    originals = images.numpy()[:count]
    return Recording(
        hidden, beliefs, locations, labels, indices, canvases, originals, config.glimpse_size, config.num_scales
    )


def _play(
    agent: Agent, env: VectorEnv[Any, Any, Any], native: GlimpseVectorEnv, indices: NDArray[Any], seeds: list[int]
) -> tuple[NDArray[Any], ...]:
    observation, _ = env.reset(seed=seeds, options={"index": indices})  # type: ignore[arg-type]
    labels, canvases = native.world.labels.numpy().copy(), native.world.canvases.numpy().copy()
    state, start = None, np.ones(env.num_envs, dtype=bool)
    steps = []
    ended = False
    while not ended:
        location = observation["location"]
        actions, state = agent.predict(observation, state=state, episode_start=start, deterministic=True)
        if state is None:
            raise ValueError("expected an agent with a state, but its predict() returned None for it")
        steps.append((flatten_state(state), beliefs_of(actions), location))
        observation, _, terminations, _, _ = env.step(actions)
        start = np.zeros(env.num_envs, dtype=bool)
        ended = bool(terminations[0])
    hidden, beliefs, locations = (np.stack(parts, axis=1) for parts in zip(*steps, strict=True))
    return hidden, beliefs, locations, labels, indices, canvases


def beliefs_of(actions: NDArray[np.float32]) -> NDArray[np.float32]:
    """The beliefs `(N, C)` in actions `(N, 2 + C)`: the softmax of their class scores."""
    scores = np.asarray(actions[:, 2:], dtype=np.float32)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


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
