"""Expected information gain (EIG): how much looking at a location is expected to change the agent's belief.

From a hidden state `h` the VAE draws canvases `x(z)` that the agent considers possible. The agent looks at each of them
at each location `l` (`predict` on imagined glimpses `g`), and its next belief is compared with the present one. There
are two forms (Lindley 1956; for hard attention Rangrej and Clark 2021), both in nats:

    divergence:           EIG(l) = E_z[ KL( p(y | h, g(x(z), l)) || p(y | h) ) ]
    mutual information:   I(l)   = H( E_z[ p(y | h, g(x(z), l)) ] ) - E_z[ H( p(y | h, g(x(z), l)) ) ]

They are equal where the next beliefs average to the present one, as those of Bayes' rule do. The divergence also counts
a change that every imagined canvas brings about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from explain.knowledge.information import entropy, kl_divergence
from explain.numbers import check_beliefs, check_finite, check_in_range, check_tensor
from explain.recording import Recording
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.config import check_integer
from glimpse_env.dataset_rollout import Agent
from glimpse_env.retina import MAX_PIXEL, Retina
from glimpse_env.utils.errors import shown
from glimpse_env.utils.layers import new_generator

Imagine = Callable[[Tensor, int, torch.Generator], Tensor]
"""Draws S canvases for each of B hidden states: maps hidden states `(B, D)`, S, and a source of random numbers to
canvases `(S, B, channels, H, W)` in [0, 1]."""

MAX_SAMPLES = 2**16
"""More canvases than that for each state do not fit into memory, and bring nothing."""
BATCH = 16
"""Hidden states whose canvases are imagined at once."""


@dataclass(frozen=True, eq=False)
class EIGMaps:
    """Expected information gain of looking at `L` locations, in nats.

    Attributes:
        locations: `(L, 2)` or `(..., L, 2)`, `(x, y)` in [-1, 1].
        divergence: Expected divergence of the next belief from the present one, `(..., L)`.
        mutual_information: Entropy of the mean next belief less the mean entropy of the next beliefs, `(..., L)`, at
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
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> EIGMaps:
    """Computes the expected information gain of looking at each location, from each hidden state.

    Args:
        agent: Any agent whose `predict` returns a state.
        hidden: Its hidden states, `(..., D)`, as a recording keeps them.
        beliefs: What it believes in these states, `(..., C)`.
        imagine: Draws canvases for hidden states, for example `HiddenStateVAE.sample`.
        locations: `(L, 2)`, `(x, y)` in [-1, 1], for all states; or `(..., L, 2)`, other locations for each state.
        retina: The geometry of looking that the agent was trained with.
        num_samples: Canvases drawn for each hidden state (S).
        generator: The source of random numbers on the CPU; by default a new one with the seed 0.
        progress: Show a progress bar.

    Returns:
        Maps on the device of `hidden`, with its leading dimensions.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: There are no samples or no locations, there is not one belief for each state, beliefs do not sum to
            1, locations lie outside [-1, 1], or a number is not finite, those that the agent and `imagine` return
            included.
    """
    check_integer("num_samples", num_samples, 1, MAX_SAMPLES)
    if not isinstance(retina, Retina):
        raise TypeError(f"expected retina to be a Retina, got {shown(retina)}")
    if not callable(imagine):
        raise TypeError(f"expected imagine to be a function, got {shown(imagine)}")
    leading = hidden.shape[:-1] if isinstance(hidden, Tensor) else ()
    check_tensor("hidden", hidden, torch.float32, (*leading, None))
    check_tensor("beliefs", beliefs, torch.float32, (*leading, None))
    for_each = leading if isinstance(locations, Tensor) and locations.ndim > 2 else ()
    check_tensor("locations", locations, torch.float32, (*for_each, None, 2))
    check_integer("the number of locations", locations.shape[-2], 1)
    check_in_range("locations", locations, -1, 1)
    check_beliefs(beliefs)
    states = hidden.reshape(-1, hidden.shape[-1])
    agent = RecurrentAgent(agent, hidden.device)
    divergence, mutual_information = [], []
    for state, canvases, belief, places in zip(
        tqdm(states, "Computing EIG", disable=not progress, unit="state"),
        imagined_canvases(imagine, states, num_samples, generator or new_generator(0)),
        beliefs.reshape(-1, beliefs.shape[-1]),
        locations.expand(*leading, *locations.shape[-2:]).reshape(-1, *locations.shape[-2:]),
        strict=True,
    ):
        following = beliefs_everywhere(agent, state, canvases, places, retina)  # (S, L, C)
        divergence.append(kl_divergence(following, belief).mean(0))
        mutual_information.append((entropy(following.mean(0)) - entropy(following).mean(0)).clamp(min=0))
    shape = (*leading, locations.shape[-2])
    return EIGMaps(locations, torch.stack(divergence).view(shape), torch.stack(mutual_information).view(shape))


def imagined_canvases(
    imagine: Imagine, states: Tensor, num_samples: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Draws canvases for one state `(D,)` after the other, each time `(S, channels, H, W)` uint8."""
    for batch in states.split(BATCH):
        canvases = imagine(batch, num_samples, generator)
        check_finite("imagined canvases", canvases)
        yield from (canvases.clamp(0, 1) * MAX_PIXEL).round().to(torch.uint8).unbind(1)


def information_gain_everywhere(
    agent: Agent, recording: Recording, locations: Tensor, *, progress: bool = False
) -> Tensor:
    """Computes what looking at each location really tells: the information gain that EIG is to predict.

    Args:
        agent: The agent that was recorded.
        recording: `N` images, `T` glimpses.
        locations: `(L, 2)`, `(x, y)` in [-1, 1].
        progress: Show a progress bar.

    Returns:
        The divergence of the belief after a glimpse of the true canvas from the one before it, `(N, T, L)`, in nats.
    """
    agent = RecurrentAgent(agent, recording.device)
    gains = []
    for canvas, states, beliefs in zip(
        tqdm(recording.canvases, "Looking everywhere", disable=not progress, unit="image"),
        recording.hidden,
        recording.beliefs,
        strict=True,
    ):
        for state, belief in zip(states, beliefs, strict=True):
            following = beliefs_everywhere(agent, state, canvas[None], locations, recording.retina)
            gains.append(kl_divergence(following[0], belief))
    return torch.stack(gains).view(*recording.hidden.shape[:2], len(locations))


def beliefs_everywhere(
    agent: RecurrentAgent, state: Tensor, canvases: Tensor, locations: Tensor, retina: Retina
) -> Tensor:
    """What an agent would believe after one more glimpse, of each canvas at each location.

    Args:
        agent: Who looks.
        state: Its hidden state, `(D,)`.
        canvases: `(S, channels, H, W)` uint8.
        locations: `(L, 2)`, `(x, y)` in [-1, 1].
        retina: The geometry of looking.

    Returns:
        Beliefs, `(S, L, C)`.
    """
    glimpses = retina.glimpses_everywhere(retina.pool(canvases), locations).flatten(0, 1)  # (S * L, channels, g, g)
    hidden = state.expand(len(glimpses), -1)
    following = agent.beliefs_after(hidden, glimpses, locations.repeat(len(canvases), 1))
    return following.view(len(canvases), len(locations), -1)
