"""Which episode comes next: the image, the first location, and the random numbers of the canvas."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.data import counter_rng

Rows = NDArray[np.int64]

_IMAGE, _NUMBERS = range(2)
_LOOKAHEAD = 4096
_MAX_NUMBERS = 2**19  # 4 MiB, and several times as much while they are drawn


class EpisodeSampler:
    """Draws the episodes of all sub-environments, one after the other.

    While all sub-environments are at the same episode, it draws many episodes ahead in one call: for a single
    sub-environment, one number costs as much as thousands.

    Args:
        keys: One key per sub-environment, `(N,)`; see `counter_rng`.
        num_images: Number of images of the split.
        num_numbers: How many uniform numbers a canvas takes.
        episodes_per_image: So many sub-environments in a row get the same images and canvases, those that the first of
            them would get alone, each with its own first location.
        device: Device of the tensors.
    """

    def __init__(
        self,
        keys: counter_rng.Keys,
        num_images: int,
        num_numbers: int,
        device: torch.device,
        episodes_per_image: int = 1,
    ) -> None:
        self._keys = keys.copy()
        self._num_images = num_images
        self._num_numbers = num_numbers
        self._device = device
        self._episodes_per_image = episodes_per_image
        by_memory = _MAX_NUMBERS // ((2 + num_numbers) * len(keys))
        self._ahead = max(1, min(_LOOKAHEAD // len(keys), by_memory))
        self._episode: int | NDArray[np.int64] = 0  # the next, of all sub-environments or of each
        self._drawn: tuple[Tensor, Tensor, Tensor] | None = None
        self._row = 0

    def seek(self, episode: int, rows: Rows | None = None) -> None:
        """Makes `episode` (>= 0) the next, of all sub-environments or of those of `rows`, their numbers `(n,)`."""
        if rows is None:
            self._set_episodes(episode)
        else:
            episodes = self._episode_of_each()
            episodes[rows] = episode
            self._set_episodes(episodes)

    def seed(self, keys: counter_rng.Keys, rows: Rows) -> None:
        """Gives the sub-environments of `rows` other keys, `(n,)`, and makes episode 0 their next."""
        self._keys[rows] = keys
        self.seek(0, rows)

    def next(self, rows: Rows | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the next episode of each sub-environment, or of those of `rows`, their numbers `(n,)`.

        Returns:
            The images, `(N,)` int64; the first locations, `(N, 2)` float32 in [-1, 1); the numbers, `(N, num_numbers)`
            float64 in [0, 1); with `n` instead of `N` for `rows`.
        """
        if rows is not None or not isinstance(self._episode, int):
            return self._next_of(np.arange(len(self._keys)) if rows is None else rows)
        if self._drawn is None or self._row == self._ahead:
            each = np.arange(len(self._keys))
            episodes = self._episode + np.repeat(np.arange(self._ahead), len(each))
            parts = self._draw(np.tile(each, self._ahead), episodes)
            images, locations, numbers = (part.unflatten(0, (self._ahead, len(each))) for part in parts)
            self._drawn = images, locations, numbers
            self._row = 0
        images, locations, numbers = (part[self._row] for part in self._drawn)
        self._row += 1
        self._episode += 1
        return images, locations, numbers

    def _next_of(self, rows: Rows) -> tuple[Tensor, Tensor, Tensor]:
        episodes = self._episode_of_each()
        drawn = self._draw(rows, episodes[rows])
        episodes[rows] += 1
        self._set_episodes(episodes)
        return drawn

    def _episode_of_each(self) -> NDArray[np.int64]:
        return np.full(len(self._keys), self._episode, dtype=np.int64)

    def _set_episodes(self, episodes: int | NDArray[np.int64]) -> None:
        """Keeps one number for all as soon as they are at the same episode again."""
        if not isinstance(episodes, int) and (episodes == episodes[0]).all():
            episodes = int(episodes[0])
        self._episode = episodes
        self._drawn = None

    def _draw(self, rows: Rows, episodes: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Draws images, locations and numbers of one episode for each of `rows`."""
        keys = self._keys[rows]
        image_keys = keys
        if self._episodes_per_image > 1:
            image_keys = self._keys[rows - rows % self._episodes_per_image]
        images = counter_rng.permuted(image_keys, episodes, _IMAGE, self._num_images)
        uniform = counter_rng.uniform(keys, episodes, _NUMBERS, 2 + self._num_numbers)
        numbers = uniform[:, 2:]
        if image_keys is not keys:
            numbers = counter_rng.uniform(image_keys, episodes, _NUMBERS, 2 + self._num_numbers)[:, 2:]
        parts = (images, (2 * uniform[:, :2] - 1).astype(np.float32), numbers)
        tensors = [torch.from_numpy(part).to(self._device) for part in parts]
        return tensors[0], tensors[1], tensors[2]
