"""What the coming episodes of each copy are drawn to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glimpse_env import draws

_IMAGE, _NUMBERS = range(2)
_LOOKAHEAD = 4096


class Schedule:
    """Hands out, episode by episode, which image each copy looks at, and its random numbers.

    They are drawn for many episodes at once: for a single copy one draw costs as much as some thousands.

    Args:
        keys: One key a copy, `(N,)`; see `draws`.
        num_images: Size of the split.
        num_numbers: How many uniform numbers an episode needs.
    """

    def __init__(self, keys: draws.Keys, num_images: int, num_numbers: int) -> None:
        self._keys = keys
        self._num_images = num_images
        self._num_numbers = num_numbers
        self._ahead = max(1, _LOOKAHEAD // len(keys))
        self.seek(0)

    def seek(self, episode: int) -> None:
        """Makes `episode` (>= 0) the next."""
        self._episode = episode
        self._drawn_from: int | None = None

    def next(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Returns the next episode's images, `(N,)`, and its uniform numbers in [0, 1), `(N, num_numbers)`."""
        if self._drawn_from is None or self._episode - self._drawn_from == self._ahead:
            self._drawn_from = self._episode
            self._draw()
        row = self._episode - self._drawn_from
        self._episode += 1
        return self._images[row], self._uniform[row]

    def _draw(self) -> None:
        keys = np.tile(self._keys, self._ahead)
        episodes = self._episode + np.repeat(np.arange(self._ahead), len(self._keys))
        images = draws.permuted(keys, episodes, _IMAGE, self._num_images)
        uniform = draws.uniform(keys, episodes, _NUMBERS, self._num_numbers)
        self._images = images.reshape(self._ahead, -1)
        self._uniform = uniform.reshape(self._ahead, len(self._keys), self._num_numbers)
