"""Expected information gain: what looking anywhere would tell, judged by what the agent imagines to be there.

From a hidden state the VAE draws canvases that the agent holds possible. The agent looks at each of them from each
place (`predict` on imagined glimpses), and what it then believes is compared with what it believes now:

    EIG(l) = E_z [ KL( p(y | h, glimpse of x(z) at l)  ||  p(y | h) ) ]

(Lindley 1956; for hard attention Rangrej and Clark 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from explain.information import entropy, kl_divergence
from explain.recording import beliefs_of
from glimpse_env.retina import WHITE, box_sums, glimpses_everywhere
from glimpse_env.sweep import Agent

Imagine = Callable[[Tensor, int], Tensor]
"""Maps hidden states `(B, D)` and a number of samples S to canvases `(S, B, channels, H, W)` in [0, 1]."""


@dataclass(frozen=True, eq=False)
class EIGMaps:
    """Expected information gain of looking at `L` places, in nats.

    Attributes:
        locations: The places, `(L, 2)`, `(x, y)`.
        divergence: Expected divergence of the next belief from this one, `(B, L)`.
        mutual_information: Entropy of the mean of the next beliefs less the mean of their entropies, `(B, L)`; at
            least 0.
    """

    locations: Tensor
    divergence: Tensor
    mutual_information: Tensor


def grid_locations(grid: int) -> Tensor:
    """The centres of `grid` by `grid` equal cells of a canvas, row by row, `(grid**2, 2)`, `(x, y)`.

    Example:
        >>> grid_locations(2).tolist()
        [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    """
    along = (2 * torch.arange(grid) + 1) / grid - 1
    return torch.stack([along.repeat(grid), along.repeat_interleave(grid)], dim=1)


def expected_information_gain(
    agent: Agent,
    hidden: NDArray[np.float32],
    beliefs: NDArray[np.float32],
    imagine: Imagine,
    locations: Tensor,
    *,
    glimpse_size: int,
    num_scales: int,
    num_samples: int = 16,
    restore: Callable[[NDArray[np.float32]], Any] = lambda rows: rows,
    progress: bool = False,
) -> EIGMaps:
    """Computes the expected information gain of looking at each location, from each of `B` hidden states.

    Args:
        agent: Whose beliefs they are; it is reached through `predict` alone.
        hidden: Its states, `(B, D)`, as a recording keeps them.
        beliefs: What it believes in these states, `(B, C)`.
        imagine: Draws canvases for hidden states, for example `HiddenStateVAE.sample`.
        locations: `(L, 2)`, `(x, y)` in [-1, 1].
        glimpse_size: Of the agent's retina.
        num_scales: Of the agent's retina.
        num_samples: Canvases drawn for each hidden state (S).
        restore: Turns states `(M, D)` into what `predict` takes; see `explain.recording.state_restorer`.
        progress: Show a progress bar.

    Raises:
        ValueError: A number is less than 1, or there are no locations.
    """
    if num_samples < 1 or len(locations) < 1:
        raise ValueError(f"expected at least 1 sample and 1 location, got {num_samples} and {len(locations)}")
    divergence, mutual = [], []
    places = locations.repeat(num_samples, 1).numpy()
    for state, belief in zip(
        tqdm(hidden, "Imagining glimpses", disable=not progress, unit="state"), torch.from_numpy(beliefs), strict=True
    ):
        imagined = imagine(torch.from_numpy(state[None]), num_samples)[:, 0]
        canvases = (imagined * WHITE).round().to(torch.uint8)
        seen = glimpses_everywhere(box_sums(canvases, glimpse_size, num_scales), locations, glimpse_size)
        observation = {"glimpse": seen.flatten(0, 1).numpy(), "location": places}
        states = restore(np.tile(state, (len(places), 1)))
        actions, _ = agent.predict(observation, state=states, episode_start=None, deterministic=True)
        following = torch.from_numpy(beliefs_of(actions)).view(num_samples, len(locations), -1)  # (S, L, C)
        divergence.append(kl_divergence(following, belief).mean(0))
        mutual.append((entropy(following.mean(0)) - entropy(following).mean(0)).clamp(min=0))
    return EIGMaps(locations, torch.stack(divergence), torch.stack(mutual))
