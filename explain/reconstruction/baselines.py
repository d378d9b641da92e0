"""Recordings that an explanation must fail on, or that show how well it could do at best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from explain.recording import Recording
from glimpse_env.retina import MAX_PIXEL


def shuffled(recording: Recording, seed: int = 0) -> Recording:
    """Gives each image the hidden states of another, drawn at random: nothing can be told from them any more."""
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(recording)))
    return replace(recording, hidden=recording.hidden[order])


def oracle_memory(recording: Recording) -> Recording:
    """Has the pixels seen so far in place of what the agent remembers of them: no memory can hold more.

    A hidden state is then the canvas in [0, 1], black where it was not seen, followed by which pixels were, 1 or 0:
    `(channels + 1) * H * W` numbers. Pixels in coarse patches count as seen in all detail.
    """
    channels, height, width = recording.canvases.shape[1:]
    seen = recording.retina.coverage(recording.locations, (height, width))[:, :, None]
    held = torch.empty((*seen.shape[:2], channels + 1, height, width), device=recording.device)
    torch.div(recording.canvases[:, None] * seen, MAX_PIXEL, out=held[:, :, :-1])
    held[:, :, -1:] = seen
    return replace(recording, hidden=held.reshape(*seen.shape[:2], -1))


def full_image_oracle(recording: Recording) -> Recording:
    """Has the original in place of what the agent remembers of it, at a single glimpse: no agent can know more."""
    pixels = recording.originals.reshape(len(recording), 1, -1)
    return replace(
        recording,
        hidden=pixels / MAX_PIXEL,
        beliefs=recording.beliefs[:, -1:],
        locations=recording.locations[:, -1:],
    )
