"""Hidden states to compare an agent's with: some that tell nothing, and some that hold all that can be known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explain.reconstruction.vae import to_unit
from explain.recording import Recording


def shuffled_states(states: Tensor, seed: int = 0) -> Tensor:
    """Permutes hidden states `(N, T, D)` among images: they tell nothing about the image that they now belong to."""
    order = np.random.default_rng(seed).permutation(len(states))
    return states[torch.from_numpy(order).to(states.device)]


@dataclass(frozen=True)
class OracleMemory:
    """The states of a memory that holds every pixel seen so far: no agent that looks there can hold more.

    A state is the canvas in [0, 1], black where it was not seen, followed by the coverage mask (1 where it was seen)
    and the agent's hidden state. Pixels of a coarse patch count as seen in full resolution. The hidden state was
    computed from what was seen, so that the memory holds no more with it. But a VAE need not learn from thousands of
    images what the agent learned from millions, such as which parts of a cluttered canvas belong to the digit.

    States are made when they are asked for, because those of a whole recording of `N` images and `T` glimpses need
    gigabytes.
    """

    recording: Recording

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(N, T, (channels + 1) * H * W + D)`."""
        channels, height, width = self.recording.canvases.shape[1:]
        count, glimpses, hidden_size = self.recording.hidden.shape
        return count, glimpses, (channels + 1) * height * width + hidden_size

    @property
    def device(self) -> torch.device:
        """Where the states are."""
        return self.recording.device

    def __getitem__(self, numbers: tuple[Tensor, Tensor]) -> Tensor:
        """The states at some images, each after one glimpse, numbered from 0, both `(M,)` int64.

        Returns:
            `(M, (channels + 1) * H * W + D)` float32.
        """
        images, glimpses = numbers
        mask = self.recording.coverage(images, glimpses)[:, None]  # (M, 1, H, W)
        pixels = torch.cat([to_unit(self.recording.canvases[images] * mask), mask.float()], dim=1)
        return torch.cat([pixels.flatten(1), self.recording.hidden[images, glimpses]], dim=1)


def oracle_memory(recording: Recording) -> Tensor:
    """All states of the `OracleMemory` of a small recording, `(N, T, (channels + 1) * H * W + D)` float32."""
    memory = OracleMemory(recording)
    count, glimpses, size = memory.shape
    numbers = torch.arange(count * glimpses, device=memory.device)
    return memory[numbers // glimpses, numbers % glimpses].view(count, glimpses, size)


def full_image_oracle(recording: Recording) -> Tensor:
    """The original as the only state of each image: no agent can know more.

    Returns:
        `(N, 1, channels * h * w)` float32 in [0, 1].
    """
    return to_unit(recording.originals).flatten(1)[:, None]
