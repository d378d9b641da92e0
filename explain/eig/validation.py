"""Does expected information gain predict what looking really gains?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from explain.eig.maps import EIGMaps, Imagine, expected_information_gain, information_gain_everywhere
from explain.eig.rank_correlation import (
    mean_rank_correlation,
    overall_rank_correlation,
    partial_rank_correlation,
    rank_correlations,
)
from explain.knowledge.information import entropy, kl_divergence
from explain.knowledge.intervals import Bootstrap, Estimate
from explain.recording import Recording
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.dataset_rollout import Agent
from glimpse_env.utils.layers import new_generator


@dataclass(frozen=True, eq=False)
class EIGValidation:
    """Expected and real information gain of `N` images and `T` glimpses, in nats.

    Attributes:
        maps: Expected information gain of looking at each of `L` locations after each glimpse, `(N, T, L)`.
        gains: What looking there really tells: the divergence of the belief after it from the belief before,
            `(N, T, L)`.
        rank_correlation: Rank correlation of the two over locations, the mean over images, after each glimpse but the
            last, which no other follows, `(T - 1,)`.
        place_correlation: Rank correlation over locations of the gain and the mean gain of the other images there after
            as many glimpses, `(T - 1,)`. It is a control, because that mean knows nothing of the image.
        expected: Expected information gain of the location where the agent then looked, `(N, T - 1)`.
        gained: What it then gained, `(N, T - 1)`.
        location_correlation: Rank correlation of these two over images and glimpses, `()`.
        entropy_correlation: Rank correlation of `gained` and the entropy of the belief before looking, `()`. It is a
            control, because the entropy knows no location: who is certain gains nothing, wherever it looks.
        partial_correlation: Rank correlation of `expected` and `gained` that this entropy does not account for, `()`.
    """

    maps: EIGMaps
    gains: Tensor
    rank_correlation: Estimate
    place_correlation: Estimate
    expected: Tensor
    gained: Tensor
    location_correlation: Estimate
    entropy_correlation: Estimate
    partial_correlation: Estimate

    def cpu(self) -> EIGValidation:
        """The same numbers on the CPU."""
        maps = EIGMaps(self.maps.locations.cpu(), self.maps.divergence.cpu(), self.maps.mutual_information.cpu())
        gains, expected, gained = self.gains.cpu(), self.expected.cpu(), self.gained.cpu()
        return replace(self, maps=maps, gains=gains, expected=expected, gained=gained)

    def to_json(self) -> dict[str, Any]:
        """The correlations as plain numbers."""
        names = (
            "rank_correlation",
            "place_correlation",
            "location_correlation",
            "entropy_correlation",
            "partial_correlation",
        )
        return {name: getattr(self, name).to_json() for name in names}


def validate_eig(
    agent: Agent,
    recording: Recording,
    imagine: Imagine,
    locations: Tensor,
    bootstrap: Bootstrap,
    *,
    num_samples: int = 16,
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> EIGValidation:
    """Compares expected with real information gain, for every image and glimpse of a recording.

    Args:
        agent: The agent that was recorded.
        recording: `N` images, `T` glimpses, at least 2 of both.
        imagine: Draws canvases for hidden states, for example `HiddenStateVAE.sample`.
        locations: Where to look, `(L, 2)`, `(x, y)` in [-1, 1].
        bootstrap: Of `N` images.
        num_samples: Canvases drawn for each hidden state.
        generator: The source of random numbers on the CPU; by default a new one with the seed 0.
        progress: Show progress bars.

    Raises:
        ValueError: There is only one glimpse, or no samples or locations.
    """
    if recording.hidden.shape[1] < 2:
        raise ValueError("expected a recording of at least 2 glimpses, got 1: nobody chose where to look")
    agent = RecurrentAgent(agent, recording.device)
    generator = generator or new_generator(0)

    def eig_of(glimpses: slice, places: Tensor) -> EIGMaps:
        return expected_information_gain(
            agent,
            recording.hidden[:, glimpses],
            recording.beliefs[:, glimpses],
            imagine,
            places,
            retina=recording.retina,
            num_samples=num_samples,
            generator=generator,
            progress=progress,
        )

    # On a grid of locations.
    maps = eig_of(slice(None), locations)
    gains = information_gain_everywhere(agent, recording, locations, progress=progress)
    others = (gains.sum(0) - gains) / max(len(gains) - 1, 1)  # the mean gain of the other images, (N, T, L)
    correlations, of_others = (
        rank_correlations(predicted[:, :-1].flatten(0, 1), gains[:, :-1].flatten(0, 1)).view(len(gains), -1)
        for predicted in (maps.divergence, others)
    )

    # At the location where the agent then looked.
    expected = eig_of(slice(-1), recording.locations[:, 1:, None]).divergence.squeeze(-1)  # (N, T - 1)
    gained = kl_divergence(recording.beliefs[:, 1:], recording.beliefs[:, :-1])
    before = entropy(recording.beliefs[:, :-1].double())

    return EIGValidation(
        maps=maps,
        gains=gains,
        rank_correlation=mean_rank_correlation(correlations, bootstrap),
        place_correlation=mean_rank_correlation(of_others, bootstrap),
        expected=expected,
        gained=gained,
        location_correlation=overall_rank_correlation(expected, gained, bootstrap),
        entropy_correlation=overall_rank_correlation(before, gained, bootstrap),
        partial_correlation=partial_rank_correlation(expected, gained, before, bootstrap),
    )
