"""What a frame shows, as data: making a scene needs no matplotlib, which is slow to import."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glimpse_env.retina import Retina


@dataclass(frozen=True)
class Scene:
    """Everything that a frame shows of one moment of an episode.

    Attributes:
        canvas: `(C, H, W)` uint8; C is 1 or 3.
        glimpse: `(num_scales * C, g, g)` float32 in [0, 1], fine scales first.
        locations: Of the glimpses so far, the current one last, `(t, 2)` float32, `(x, y)` in [-1, 1]; t is at least 1.
        belief: Class probabilities, `(num_classes,)`.
        class_names: One name per class.
        retina: The geometry of looking.
        num_glimpses: Glimpses in a whole episode (T).
        label: The true class at the end of the episode, None before.
    """

    canvas: np.ndarray
    glimpse: np.ndarray
    locations: np.ndarray
    belief: np.ndarray
    class_names: tuple[str, ...]
    retina: Retina
    num_glimpses: int
    label: int | None
