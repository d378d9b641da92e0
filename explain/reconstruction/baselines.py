"""Hidden states to compare an agent's with: some that tell nothing, and some that hold all that can be known."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from explain.reconstruction.vae import to_unit
from explain.recording import Recording
from glimpse_env.retina import MAX_PIXEL


def shuffled_states(states: Tensor, seed: int = 0) -> Tensor:
    """Permutes hidden states `(N, T, D)` among images: they tell nothing about the image that they now belong to."""
    order = np.random.default_rng(seed).permutation(len(states))
    return states[torch.from_numpy(order).to(states.device)]


def oracle_memory(recording: Recording) -> Tensor:
    """The states of a memory that holds every pixel seen so far: no agent that looks there can hold more.

    A state is the canvas in [0, 1], black where it was not seen, followed by the coverage mask (1 where it was seen).
    Pixels of a coarse patch count as seen in full resolution.

    Returns:
        `(N, T, (channels + 1) * H * W)` float32.
    """
    channels, height, width = recording.canvases.shape[1:]
    mask = recording.retina.coverage(recording.locations, (height, width))[:, :, None]  # (N, T, 1, H, W)
    states = torch.empty((*mask.shape[:2], channels + 1, height, width), dtype=torch.float32, device=recording.device)
    states[:, :, :-1] = recording.canvases[:, None] * mask
    states[:, :, :-1] /= MAX_PIXEL
    states[:, :, -1:] = mask
    return states.flatten(2)


def full_image_oracle(recording: Recording) -> Tensor:
    """The original as the only state of each image: no agent can know more.

    Returns:
        `(N, 1, channels * h * w)` float32 in [0, 1].
    """
    return to_unit(recording.originals).flatten(1)[:, None]
