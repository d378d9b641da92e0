"""Removal curves: do the places that are called valuable carry the accuracy?

Places are taken in the order of the expected information gain (EIG) after the first glimpse, as in the insertion and
deletion curves of Petsiuk et al. (2018):

    insertion: the agent looks at one place after the other, and at nothing else
    deletion:  the places are background, and the agent looks where it wants

Places that lie in a glimpse before are taken after all others, in every order: they show the same pixels again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explain.evidence.metric import Metric
from explain.knowledge.intervals import Bootstrap, Estimate
from explain.recording import Recording
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.dataset_rollout import Agent
from glimpse_env.retina import Retina
from glimpse_env.utils.layers import new_generator

BEST, RANDOM, WORST = "highest EIG first", "random order", "lowest EIG first"
NUM_RANDOM = 4
"""Random orders that the null is the mean of."""


@dataclass(frozen=True, eq=False)
class RemovalCurves:
    """Accuracy after 0, 1, ..., K places, and the area under these curves.

    Attributes:
        insertion: Fraction of images classified correctly after looking at the places, `(K + 1,)`, by order.
        deletion: The same where the places are background.
        metrics: The means of the two curves over the places 1 to K. Their margins are the areas between the curve of
            highest EIG first and the others.
    """

    insertion: Mapping[str, Estimate]
    deletion: Mapping[str, Estimate]
    metrics: tuple[Metric, ...]

    def to_json(self) -> dict[str, Any]:
        """The curves as plain numbers."""
        return {
            name: {order: curve.to_json() for order, curve in curves.items()}
            for name, curves in {"insertion": self.insertion, "deletion": self.deletion}.items()
        }


def ordered_places(
    scores: Tensor, recording: Recording, locations: Tensor, count: int, generator: torch.Generator
) -> Tensor:
    """Takes the places of highest score, those that earlier glimpses show last.

    Args:
        scores: `(N, L)`; tied places are taken in random order.
        recording: `N` images; the first glimpse of each comes before all places.
        locations: The places, `(L, 2)`.
        count: How many places to take (K).
        generator: The source of random numbers, on the CPU.

    Returns:
        Locations, `(N, K, 2)`.
    """
    height, width = recording.canvases.shape[-2:]
    size = torch.tensor([width, height], device=locations.device) / recording.retina.glimpse_size

    def shown_from(centres: Tensor) -> Tensor:  # a patch reaches 1 / size to each side, and the canvas 1
        return ((locations - centres[:, None]).abs() * size < 1).all(-1).double()

    shuffled = (
        torch.rand(scores.shape, generator=generator, dtype=torch.float32, device="cpu").argsort(-1).to(scores.device)
    )
    ascending = shuffled.gather(1, scores.gather(1, shuffled).argsort(dim=-1, stable=True))
    ranks = ascending.argsort(-1).double() / scores.shape[1]  # in [0, 1)
    covered, places = shown_from(recording.locations[:, 0]), []
    for _ in range(count):
        places.append(locations[(ranks - covered).argmax(-1)])
        covered = covered + shown_from(places[-1])
    return torch.stack(places, dim=1)


def removal_curves(
    agent: Agent, recording: Recording, maps: Tensor, locations: Tensor, bootstrap: Bootstrap, *, seed: int = 0
) -> RemovalCurves:
    """Computes insertion and deletion curves over as many places as there are glimpses after the first.

    Args:
        agent: The agent that was recorded.
        recording: `N` images, `T` glimpses, at least 2.
        maps: EIG after the first glimpse, `(N, L)`.
        locations: The places, `(L, 2)`, `(x, y)` in [-1, 1].
        bootstrap: Of `N` images.
        seed: Determines the random orders.
    """
    agent, generator = RecurrentAgent(agent, recording.device), new_generator(seed)
    count = recording.hidden.shape[1] - 1

    def curves(scores: Tensor) -> Tensor:
        places = ordered_places(scores, recording, locations, count, generator)
        return torch.stack([_insert(agent, recording, places), _delete(agent, recording, places)])

    def random_scores() -> Tensor:
        return torch.rand(maps.shape, generator=generator, dtype=torch.float32, device="cpu").to(maps.device)

    by_order = {
        BEST: curves(maps),
        RANDOM: torch.stack([curves(random_scores()) for _ in range(NUM_RANDOM)]).mean(0),
        WORST: curves(-maps),
    }  # each (2, N, K + 1)
    insertion, deletion = ({order: both[kind] for order, both in by_order.items()} for kind in (0, 1))
    return RemovalCurves(
        {order: bootstrap.mean(correct) for order, correct in insertion.items()},
        {order: bootstrap.mean(correct) for order, correct in deletion.items()},
        (
            Metric.over_images(
                "insertion",
                "How accurate is the agent that looks at the places of highest expected information gain first?",
                insertion[BEST][:, 1:],
                {order: insertion[order][:, 1:] for order in (RANDOM, WORST)},
                bootstrap,
            ),
            Metric.over_images(
                "deletion",
                "How accurate is the agent without the places of highest expected information gain?",
                deletion[BEST][:, 1:],
                {order: deletion[order][:, 1:] for order in (RANDOM, WORST)},
                bootstrap,
                better="lower",
            ),
        ),
    )


def _insert(agent: RecurrentAgent, recording: Recording, places: Tensor) -> Tensor:
    """Whether the agent is right after the first glimpse and after each of `K` places, `(N, K + 1)` float64."""
    tables, hidden = recording.retina.pool(recording.canvases), recording.hidden[:, 0]
    beliefs = [recording.beliefs[:, 0]]
    for place in places.unbind(1):
        hidden, belief, _ = agent.look(hidden, recording.retina.glimpses(tables, place), place)
        beliefs.append(belief)
    return _correct(torch.stack(beliefs, dim=1), recording)


def _delete(agent: RecurrentAgent, recording: Recording, places: Tensor) -> Tensor:
    """Whether the agent is right in the end where 0, 1, ..., `K` places are background, `(N, K + 1)` float64."""
    height, width = recording.canvases.shape[-2:]
    deleted = Retina(recording.retina.glimpse_size, 1).coverage(places, (height, width))  # (N, K, H, W)
    beliefs = [recording.beliefs[:, -1]]
    for mask in deleted.unbind(1):
        tables = recording.retina.pool(recording.canvases.masked_fill(mask[:, None], 0))
        hidden, location = recording.hidden[:, 0], recording.locations[:, 1]
        belief = recording.beliefs[:, 0]
        for _ in range(recording.hidden.shape[1] - 1):
            hidden, belief, location = agent.look(hidden, recording.retina.glimpses(tables, location), location)
        beliefs.append(belief)
    return _correct(torch.stack(beliefs, dim=1), recording)


def _correct(beliefs: Tensor, recording: Recording) -> Tensor:
    return (beliefs.argmax(-1) == recording.labels[:, None]).double()
