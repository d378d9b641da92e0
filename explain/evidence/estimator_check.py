"""Estimator check: how many imagined canvases does the expected information gain (EIG) need?

EIG is estimated from S canvases that are drawn from what the agent's hidden state allows. The divergence form is a mean
over them: without bias, and its variance falls as 1 / S. The mutual-information form holds the entropy of a mean within
it (a nested Monte Carlo estimate, Rainforth et al. 2018). Entropy is concave, so it is too low: for C classes by about
(C - 1) / (2 S) nats at most, where the next belief is certain (Miller 1955). With S = 1 it is always 0.

The reference is the same estimate from many other canvases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explain.eig.maps import EIGMaps, Imagine, beliefs_everywhere, imagined_canvases
from explain.eig.rank_correlation import rank_correlations
from explain.evidence.metric import Metric
from explain.knowledge.information import entropy, kl_divergence
from explain.knowledge.intervals import Bootstrap, Estimate
from explain.recording import Recording
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.dataset_rollout import Agent
from glimpse_env.utils.layers import new_generator

COUNTS = (1, 4, 16, 64, 256)
"""Numbers of imagined canvases (S) that are compared."""
NUM_REFERENCE = 512
"""Canvases of the reference."""
NUM_GROUPS = 2
"""How often the largest number of canvases is drawn, to see how far its estimates spread."""
NUM_IMAGES = 10
"""Images that are taken, at most: each is looked at hundreds of times."""
MAX_LOCATIONS = 25
"""Locations that are taken, at most."""
ONE_CANVAS, OTHER_IMAGE = "one canvas", "map of another image"
"""Names of the nulls."""


@dataclass(frozen=True, eq=False)
class EstimatorCheck:
    """Bias and spread of EIG by the number of imagined canvases, in nats: means over images, glimpses and locations.

    Attributes:
        counts: Numbers of canvases, `K` of them.
        divergence_bias: Mean of the divergence form less the reference, `(K,)`.
        divergence_deviation: Standard deviation between estimates from other canvases, `(K,)`.
        mutual_information_bias: The same of the mutual-information form, `(K,)`.
        mutual_information_deviation: The same of the mutual-information form, `(K,)`.
        metric: How well a map ranks locations as the reference does.
    """

    counts: tuple[int, ...]
    divergence_bias: Estimate
    divergence_deviation: Estimate
    mutual_information_bias: Estimate
    mutual_information_deviation: Estimate
    metric: Metric

    def to_json(self) -> dict[str, Any]:
        """This without the metric, as plain numbers."""
        forms = ("divergence", "mutual_information")
        names = [f"{form}_{what}" for form in forms for what in ("bias", "deviation")]
        return {"counts": list(self.counts), **{name: getattr(self, name).to_json() for name in names}}


def estimates_of(following: Tensor, belief: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Estimates EIG from each group of so many canvases.

    Args:
        following: Beliefs after looking at each of `S` canvases at each of `L` locations, `(S, L, C)`.
        belief: The belief before looking, `(C,)`.
        count: Canvases in a group; it divides `S`.

    Returns:
        The divergence form and the mutual-information form, each `(S / count, L)`, in nats.

    Example:
        >>> following = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
        >>> divergence, mutual_information = estimates_of(following, torch.tensor([0.5, 0.5]), 2)
        >>> divergence, mutual_information
        (tensor([[0.6931]]), tensor([[0.6931]]))
    """
    groups = following.unflatten(0, (-1, count))  # (groups, count, L, C)
    divergence = kl_divergence(groups, belief).mean(1)
    return divergence, entropy(groups.mean(1)) - entropy(groups).mean(1)


def estimator_check(
    agent: Agent,
    recording: Recording,
    maps: EIGMaps,
    imagine: Imagine,
    *,
    num_samples: int = 16,
    seed: int = 0,
) -> EstimatorCheck:
    """Estimates EIG with ever more canvases, and compares the estimates with a reference.

    Args:
        agent: The agent that was recorded.
        recording: `N` images, `T` glimpses, at least 2 of both; the first `NUM_IMAGES` images are taken.
        maps: EIG of this recording, from `num_samples` canvases.
        imagine: Draws canvases for hidden states, for example `HiddenStateVAE.sample`.
        num_samples: Canvases that each value of `maps` comes from.
        seed: Determines what is imagined. It differs from what a generator with this seed draws first.
    """
    recording, agent = recording[:NUM_IMAGES], RecurrentAgent(agent, recording.device)
    number, count = len(recording), recording.hidden.shape[1] - 1
    taken = np.linspace(0, len(maps.locations) - 1, min(MAX_LOCATIONS, len(maps.locations))).round().astype(np.int64)
    some = torch.from_numpy(taken).to(maps.locations.device)
    locations = maps.locations[some]
    states, beliefs = recording.hidden[:, :-1].flatten(0, 1), recording.beliefs[:, :-1].flatten(0, 1)
    num_drawn = NUM_GROUPS * COUNTS[-1] + NUM_REFERENCE
    biases, variances, references, ones = [], [], [], []
    canvases_of = imagined_canvases(imagine, states, num_drawn, new_generator(seed + 2))
    for state, canvases, belief in zip(states, canvases_of, beliefs, strict=True):
        following = beliefs_everywhere(agent, state, canvases, locations, recording.retina).double()
        reference = torch.stack(estimates_of(following[-NUM_REFERENCE:], belief.double(), NUM_REFERENCE))  # (2, 1, L)
        by_count = [
            torch.stack(estimates_of(following[:-NUM_REFERENCE], belief.double(), size)) for size in COUNTS
        ]  # each (2, groups, L)
        biases.append(torch.stack([(one - reference).mean((1, 2)) for one in by_count], dim=1))  # (2, K)
        variances.append(torch.stack([one.var(1).mean(1) for one in by_count], dim=1))
        references.append(reference[0, 0])
        ones.append(by_count[0][0, 0])
    bootstrap = Bootstrap(number, seed=seed)
    bias = bootstrap.mean(_by_image(biases, number))
    deviation = bootstrap.of_mean(_by_image(variances, number), lambda means: means.clamp(min=0).sqrt())
    truth = torch.stack(references)
    maps_of = maps.divergence[:number, :-1].flatten(0, 1)[:, some]

    def agreement(values: Tensor) -> Tensor:
        return rank_correlations(values.cpu(), truth.cpu()).view(number, count)

    metric = Metric.over_images(
        "estimator check",
        f"Do {num_samples} imagined canvases rank places as {NUM_REFERENCE} others do?",
        agreement(maps_of),
        {
            ONE_CANVAS: agreement(torch.stack(ones)),
            OTHER_IMAGE: agreement(truth.view(number, count, -1).roll(1, 0).flatten(0, 1)),
        },
        bootstrap,
        unit="rank correlation",
    )
    (divergence_bias, information_bias), (divergence_deviation, information_deviation) = (
        tuple(Estimate(*part) for part in zip(one.value, one.low, one.high, strict=True)) for one in (bias, deviation)
    )
    return EstimatorCheck(
        COUNTS, divergence_bias, divergence_deviation, information_bias, information_deviation, metric
    )


def _by_image(values: list[Tensor], number: int) -> Tensor:
    """The mean over the glimpses of each image, `(N, ...)` on the CPU, of values of all states in a row."""
    return torch.stack(values).unflatten(0, (number, -1)).mean(1).cpu()
