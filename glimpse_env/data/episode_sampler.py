"""Which episode comes next: the image, the first location, and the random numbers of the canvas."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from glimpse_env.data import counter_rng

_IMAGE, _NUMBERS = range(2)
_LOOKAHEAD = 4096


class EpisodeSampler:
    """Draws the episodes of all sub-environments, one after the other.

    It draws many episodes ahead in one call: for a single sub-environment, one number costs as much as thousands.

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
        self._keys = keys
        self._image_keys = keys[::episodes_per_image].repeat(episodes_per_image) if episodes_per_image > 1 else None
        self._num_images = num_images
        self._num_numbers = num_numbers
        self._device = device
        self._ahead = max(1, _LOOKAHEAD // len(keys))
        self.seek(0)

    def seek(self, episode: int) -> None:
        """Makes `episode` (>= 0) the next."""
        self._episode = episode
        self._row = 0
        self._drawn: tuple[Tensor, Tensor, Tensor] | None = None

    def next(self) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the next episode of each sub-environment.

        Returns:
            The images, `(N,)` int64; the first locations, `(N, 2)` float32 in [-1, 1); the numbers, `(N, num_numbers)`
            float64 in [0, 1).
        """
        if self._drawn is None or self._row == self._ahead:
            self._drawn = self._draw()
            self._row = 0
        images, locations, numbers = (part[self._row] for part in self._drawn)
        self._row += 1
        self._episode += 1
        return images, locations, numbers

    def _draw(self) -> tuple[Tensor, Tensor, Tensor]:
        """Draws the next episodes, one per row."""
        count = len(self._keys)
        keys = np.tile(self._keys, self._ahead)
        image_keys = keys if self._image_keys is None else np.tile(self._image_keys, self._ahead)
        episodes = self._episode + np.repeat(np.arange(self._ahead), count)
        images = counter_rng.permuted(image_keys, episodes, _IMAGE, self._num_images)
        uniform = counter_rng.uniform(keys, episodes, _NUMBERS, 2 + self._num_numbers)
        numbers = uniform[:, 2:]
        if keys is not image_keys:
            numbers = counter_rng.uniform(image_keys, episodes, _NUMBERS, 2 + self._num_numbers)[:, 2:]
        parts = (images, (2 * uniform[:, :2] - 1).astype(np.float32), numbers)
        rows = [torch.from_numpy(part).to(self._device).unflatten(0, (self._ahead, count)) for part in parts]
        return rows[0], rows[1], rows[2]
