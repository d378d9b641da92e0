"""Recordings that an explanation must fail on, or that show how well it could do at best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from explain.recording import Recording
from glimpse_env.retina import WHITE


def shuffled(recording: Recording, seed: int = 0) -> Recording:
    """Gives each image the hidden states of another, drawn at random: nothing can be told from them any more."""
    order = np.random.default_rng(seed).permutation(len(recording))
    return replace(recording, hidden=recording.hidden[order])


def whole_image(recording: Recording) -> Recording:
    """Has the original in place of what the agent remembers of it, at a single glimpse: no agent can know more."""
    pixels = recording.originals.reshape(len(recording), 1, -1)
    return replace(
        recording,
        hidden=(pixels / WHITE).astype(np.float32),
        beliefs=recording.beliefs[:, -1:],
        locations=recording.locations[:, -1:],
    )
