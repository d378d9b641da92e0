"""Parameter randomisation: do maps and imagined images fall apart as the agent's layers are randomised?

The layers of the agent lose what they have learned, one after the other, from the outputs to the inputs (Adebayo et al.
2018, cascading randomisation). Each of these agents takes the glimpses that the trained agent took. An explanation that
stays the same explains no agent. Two similarities to what the trained agent has are measured for each image, the mean
over its glimpses but the last:

    maps:             Spearman's rank correlation over locations of expected information gain (EIG)
    imagined images:  Pearson's correlation over pixels of the mean image that the VAE imagines, less what the trained
                      agent imagines on average over images after that glimpse

Without that difference any blurred image is similar to all others; with it, what does not depend on the image has
similarity 0 in expectation.

The VAE is the one that was fitted on the trained agent. So imagined images stay as they are while only heads are
randomised, which read the memory and do not shape it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from explain.eig.maps import Imagine, expected_information_gain
from explain.eig.rank_correlation import mean_rank_correlation, rank_correlations
from explain.evidence.metric import Metric
from explain.knowledge.intervals import Bootstrap, Estimate
from explain.recording import Recording
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.dataset_rollout import Agent
from glimpse_env.utils.layers import new_generator

NUM_IMAGES = 20
"""Images whose maps are computed anew for every layer."""
TRAINED, OTHER_IMAGE = "trained agent", "another image"
"""The trained agent with other random draws, and what it has of another image: the two ends of a similarity."""


Similarity = Callable[[Tensor, Tensor], Tensor]
"""Maps two quantities, row by row, `(M, K)` both, to their similarity, `(M,)`; NaN where it is not defined."""


@runtime_checkable
class RandomisableAgent(Agent, Protocol):
    """An agent that offers copies of itself whose layers are random.

    It is all that is asked of an agent besides `predict`. Agents that do not offer it are not tested in this way.
    """

    def randomised(self, seed: int) -> Mapping[str, Agent]:
        """Returns copies in the order from the outputs to the inputs, by the name of a layer.

        In each copy this layer is random, and all layers of the copies before it are.
        """


@dataclass(frozen=True, eq=False)
class ParameterRandomisation:
    """How similar maps and imagined images are to those of the trained agent.

    Attributes:
        maps: Similarity of maps, `()`, of the trained agent with other random draws, of the agent in which each layer
            and all above it are random, by the name of the layer, and of the trained agent's maps of another image.
        images: The same of imagined images.
        metrics: The similarity of the agent in which all layers are random. Low is good; the null is the trained agent.
    """

    maps: Mapping[str, Estimate]
    images: Mapping[str, Estimate]
    metrics: tuple[Metric, ...]

    @classmethod
    def of(
        cls,
        maps: Tensor,
        images: Tensor,
        maps_of: Mapping[str, Tensor],
        images_of: Mapping[str, Tensor],
        bootstrap: Bootstrap,
    ) -> ParameterRandomisation:
        """Compares maps and imagined images of the trained agent with those of others.

        Args:
            maps: Those of the trained agent, `(N, G, L)`, at least 2 images.
            images: What it imagines, `(N, G, pixels)`.
            maps_of: Maps of the trained agent from other draws, then of each agent with random layers, by name. In the
                last one, all layers are random.
            images_of: What they imagine, by the same names.
            bootstrap: Of `N` images.
        """

        def similarities(one: Tensor, others: Mapping[str, Tensor], similarity: Similarity) -> dict[str, Tensor]:
            others = {**others, OTHER_IMAGE: one.roll(1, 0)}
            flat = {name: similarity(one.flatten(0, 1), other.flatten(0, 1)) for name, other in others.items()}
            return {name: values.view(one.shape[:2]).nanmean(1) for name, values in flat.items()}  # each (N,)

        all_random = list(maps_of)[-1]

        def metric(what: str, values: Mapping[str, Tensor]) -> Metric:
            return Metric.over_images(
                f"parameter randomisation, {what}",
                f"Do {what} fall apart when all layers of the agent are random? (similarity to those before)",
                values[all_random],
                {TRAINED: values[TRAINED]},
                bootstrap,
                better="lower",
                unit="correlation",
            )

        for_maps = similarities(maps, maps_of, rank_correlations)
        average = images.mean(0)  # (G, pixels)
        differences = {name: others - average for name, others in images_of.items()}
        for_images = similarities(images - average, differences, pixel_correlations)
        return cls(
            {name: mean_rank_correlation(values, bootstrap) for name, values in for_maps.items()},
            {name: mean_rank_correlation(values, bootstrap) for name, values in for_images.items()},
            (metric("EIG maps", for_maps), metric("imagined images", for_images)),
        )

    def to_json(self) -> dict[str, Any]:
        """The similarities as plain numbers."""
        return {
            name: {agent: estimate.to_json() for agent, estimate in curve.items()}
            for name, curve in {"maps": self.maps, "images": self.images}.items()
        }


def replay(agent: Agent, recording: Recording) -> Recording:
    """Shows an agent the glimpses of a recording, wherever it would have looked itself.

    Args:
        agent: Another agent than the one that was recorded. If it observes more than a glimpse and its location, such
            as a context, that is 0.
        recording: `N` images, `T` glimpses.

    Returns:
        The recording with the hidden states and the beliefs of this agent.
    """
    agent, hidden = RecurrentAgent(agent, recording.device), None
    tables, states, beliefs = recording.retina.pool(recording.canvases), [], []
    for location in recording.locations.unbind(1):
        hidden, belief, _ = agent.look(hidden, recording.retina.glimpses(tables, location), location)
        states.append(hidden)
        beliefs.append(belief)
    return replace(recording, hidden=torch.stack(states, dim=1), beliefs=torch.stack(beliefs, dim=1))


def parameter_randomisation(
    agent: RandomisableAgent,
    recording: Recording,
    maps: Tensor,
    imagine: Imagine,
    locations: Tensor,
    *,
    num_samples: int = 16,
    seed: int = 0,
) -> ParameterRandomisation:
    """Computes how similar maps and imagined images stay as the layers of an agent are randomised.

    Args:
        agent: The agent that was recorded.
        recording: `N` images, `T` glimpses, at least 2 of both; the first `NUM_IMAGES` images are taken.
        maps: EIG of the trained agent after each glimpse but the last, `(N, T - 1, L)`.
        imagine: Draws canvases for hidden states, for example `HiddenStateVAE.sample`.
        locations: The places of the maps, `(L, 2)`, `(x, y)` in [-1, 1].
        num_samples: Canvases drawn for each hidden state.
        seed: Determines the random layers and what is drawn. What is drawn differs from what a generator with this seed
            draws first.
    """
    recording, maps = recording[:NUM_IMAGES], maps[:NUM_IMAGES].cpu()
    bootstrap, generator = Bootstrap(len(recording), seed=seed), new_generator(seed + 1)

    def images_of(replayed: Recording) -> Tensor:
        hidden = replayed.hidden[:, :-1]
        means = imagine(hidden.flatten(0, 1), num_samples, generator).mean(0)
        return means.view(*hidden.shape[:2], -1).cpu()  # (N, T - 1, pixels)

    def maps_of(one: Agent, replayed: Recording) -> Tensor:
        return expected_information_gain(
            one,
            replayed.hidden[:, :-1],
            replayed.beliefs[:, :-1],
            imagine,
            locations,
            retina=recording.retina,
            num_samples=num_samples,
            generator=generator,
        ).divergence.cpu()

    agents = {TRAINED: agent, **agent.randomised(seed)}
    replayed = {name: replay(one, recording) for name, one in agents.items()}
    return ParameterRandomisation.of(
        maps,
        images_of(recording),
        {name: maps_of(one, replayed[name]) for name, one in agents.items()},
        {name: images_of(one) for name, one in replayed.items()},
        bootstrap,
    )


def pixel_correlations(one: Tensor, other: Tensor) -> Tensor:
    """Pearson's correlation of two images over their pixels, row by row.

    Args:
        one: `(M, pixels)`.
        other: `(M, pixels)`.

    Returns:
        `(M,)` float64 in [-1, 1]; NaN where one of the two is constant.

    Example:
        >>> pixel_correlations(torch.tensor([[0.0, 0.5, 1.0]]), torch.tensor([[1.0, 0.5, 0.0]])).round(decimals=6)
        tensor([-1.], dtype=torch.float64)
    """
    first, second = (images.double() - images.double().mean(-1, keepdim=True) for images in (one, other))
    return (first * second).sum(-1) / (first.norm(dim=-1) * second.norm(dim=-1))
