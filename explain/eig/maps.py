"""Expected information gain: what looking anywhere would tell, judged by what the agent imagines to be there.

From a hidden state the VAE draws canvases that the agent holds possible. The agent looks at each of them from each
place (`predict` on imagined glimpses), and what it then believes is compared with what it believes now:

    EIG(l) = E_z [ KL( p(y | h, glimpse of x(z) at l)  ||  p(y | h) ) ]

(Lindley 1956; for hard attention Rangrej and Clark 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from explain.knowledge.information import entropy, kl_divergence
from explain.recording import Recording, beliefs_of
from glimpse_env.dataset_rollout import Agent
from glimpse_env.retina import MAX_PIXEL, Retina

Imagine = Callable[[Tensor, int], Tensor]
"""Maps hidden states `(B, D)` and a number of samples S to canvases `(S, B, channels, H, W)` in [0, 1]."""

BATCH = 16
"""Hidden states whose canvases are imagined at once."""


@dataclass(frozen=True, eq=False)
class EIGMaps:
    """Expected information gain of looking at `L` places, in nats.

    Attributes:
        locations: The places, `(L, 2)` or `(..., L, 2)`, `(x, y)`.
        divergence: Expected divergence of the next belief from this one, `(..., L)`.
        mutual_information: Entropy of the mean of the next beliefs less the mean of their entropies, `(..., L)`; at
            least 0.
    """

    locations: Tensor
    divergence: Tensor
    mutual_information: Tensor


def expected_information_gain(
    agent: Agent,
    hidden: Tensor,
    beliefs: Tensor,
    imagine: Imagine,
    locations: Tensor,
    *,
    retina: Retina,
    num_samples: int = 16,
    restore: Callable[[NDArray[np.float32]], Any] = lambda rows: rows,
    progress: bool = False,
) -> EIGMaps:
    """Computes the expected information gain of looking at each location, from each hidden state.

    Args:
        agent: Whose beliefs they are; it is reached through `predict` alone.
        hidden: Its states, `(..., D)`, as a recording keeps them.
        beliefs: What it believes in these states, `(..., C)`.
        imagine: Draws canvases for hidden states, for example `HiddenStateVAE.sample`.
        locations: `(L, 2)`, `(x, y)` in [-1, 1]; or `(..., L, 2)`, others for each state.
        retina: The agent's.
        num_samples: Canvases drawn for each hidden state (S).
        restore: Turns states `(M, D)` into what `predict` takes; see `explain.recording.state_restorer`.
        progress: Show a progress bar.

    Raises:
        ValueError: A number is less than 1, or there are no locations.
    """
    if num_samples < 1 or locations.shape[-2] < 1:
        raise ValueError(f"expected at least 1 sample and 1 location, got {num_samples} and {locations.shape[-2]}")
    leading = hidden.shape[:-1]
    states = hidden.reshape(-1, hidden.shape[-1])
    divergence, mutual = [], []
    for state, canvases, belief, places in zip(
        tqdm(states, "Imagining glimpses", disable=not progress, unit="state"),
        _imagined(imagine, states, num_samples),
        beliefs.reshape(-1, beliefs.shape[-1]),
        locations.expand(*leading, *locations.shape[-2:]).reshape(-1, *locations.shape[-2:]),
        strict=True,
    ):
        following = beliefs_everywhere(agent, state, canvases, places, retina=retina, restore=restore)  # (S, L, C)
        divergence.append(kl_divergence(following, belief).mean(0))
        mutual.append((entropy(following.mean(0)) - entropy(following).mean(0)).clamp(min=0))
    shape = (*leading, locations.shape[-2])
    return EIGMaps(locations, torch.stack(divergence).view(shape), torch.stack(mutual).view(shape))


def _imagined(imagine: Imagine, states: Tensor, num_samples: int) -> Iterator[Tensor]:
    """Draws canvases for one state `(D,)` after the other, each time `(S, channels, H, W)` uint8."""
    for batch in states.split(BATCH):
        yield from (imagine(batch, num_samples) * MAX_PIXEL).round().to(torch.uint8).unbind(1)


def information_gain_everywhere(
    agent: Agent,
    recording: Recording,
    locations: Tensor,
    *,
    restore: Callable[[NDArray[np.float32]], Any] = lambda rows: rows,
    progress: bool = False,
) -> Tensor:
    """Computes what looking at each location would really have told: what the expectation is to be compared with.

    Args:
        agent: Who was recorded; it is reached through `predict` alone.
        recording: `N` images, `T` glimpses.
        locations: `(L, 2)`, `(x, y)` in [-1, 1].
        restore: Turns states `(M, D)` into what `predict` takes; see `explain.recording.state_restorer`.
        progress: Show a progress bar.

    Returns:
        The divergence of the belief after the glimpse from the belief before it, `(N, T, L)`, in nats.
    """
    gains = []
    for canvas, states, beliefs in zip(
        tqdm(recording.canvases, "Looking everywhere", disable=not progress, unit="image"),
        recording.hidden,
        recording.beliefs,
        strict=True,
    ):
        for state, belief in zip(states, beliefs, strict=True):
            following = beliefs_everywhere(
                agent,
                state,
                canvas[None],
                locations,
                retina=recording.retina,
                restore=restore,
            )
            gains.append(kl_divergence(following[0], belief))
    return torch.stack(gains).view(*recording.hidden.shape[:2], len(locations))


def beliefs_everywhere(
    agent: Agent,
    state: Tensor,
    canvases: Tensor,
    locations: Tensor,
    *,
    retina: Retina,
    restore: Callable[[NDArray[np.float32]], Any],
) -> Tensor:
    """What an agent would believe after one more glimpse, of each canvas at each location.

    Args:
        agent: Who looks; it is reached through `predict` alone.
        state: What it remembers, `(D,)`.
        canvases: `(S, channels, H, W)` uint8.
        locations: `(L, 2)`, `(x, y)` in [-1, 1].
        retina: The agent's.
        restore: Turns states `(M, D)` into what `predict` takes.

    Returns:
        Beliefs, `(S, L, C)`.
    """
    seen = retina.glimpses_everywhere(retina.pool(canvases), locations)
    observation = {"glimpse": seen.flatten(0, 1).numpy(), "location": locations.repeat(len(canvases), 1).numpy()}
    states = restore(state.expand(len(observation["location"]), -1).numpy().copy())
    actions, _ = agent.predict(observation, state=states, episode_start=None, deterministic=True)
    return torch.from_numpy(beliefs_of(actions)).view(len(canvases), len(locations), -1)
