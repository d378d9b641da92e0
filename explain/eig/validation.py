"""How well expected information gain foretells what looking really gains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explain.eig.maps import EIGMaps, Imagine, expected_information_gain, information_gain_everywhere
from explain.knowledge.information import kl_divergence
from explain.knowledge.intervals import Bootstrap, Estimate
from explain.metrics import mean_rank_correlation, overall_rank_correlation, rank_correlations
from explain.recording import Recording
from glimpse_env.dataset_rollout import Agent


@dataclass(frozen=True, eq=False)
class EIGValidation:
    """What was expected of looking, and what came of it, for `N` images and `T` glimpses.

    Attributes:
        maps: Expected information gain of looking at each of `L` places after each glimpse, `(N, T, L)`.
        gains: What looking there really tells: the divergence of the belief after it from the belief before,
            `(N, T, L)`, in nats.
        rank_correlation: Of the two over places, on average over images, after each glimpse, `(T,)`.
        expected: Expected information gain of the place where the agent then looked, `(N, T - 1)`, in nats.
        gained: What it then gained, `(N, T - 1)`, in nats.
        location_correlation: Rank correlation of these two over images and glimpses, `()`.
    """

    maps: EIGMaps
    gains: Tensor
    rank_correlation: Estimate
    expected: Tensor
    gained: Tensor
    location_correlation: Estimate

    def to_json(self) -> dict[str, Any]:
        """The correlations as plain numbers."""
        return {name: getattr(self, name).to_json() for name in ("rank_correlation", "location_correlation")}


def validate_eig(
    agent: Agent,
    recording: Recording,
    imagine: Imagine,
    locations: Tensor,
    bootstrap: Bootstrap,
    *,
    num_samples: int = 16,
    restore: Callable[[NDArray[np.float32]], Any] = lambda rows: rows,
    progress: bool = False,
) -> EIGValidation:
    """Computes expected information gain, and what is gained, for every image and glimpse of a recording.

    Args:
        agent: Who was recorded; it is reached through `predict` alone.
        recording: `N` images, `T` glimpses, at least 2 of both.
        imagine: Draws canvases for hidden states, for example `HiddenStateVAE.sample`.
        locations: Places to look at, `(L, 2)`, `(x, y)` in [-1, 1].
        bootstrap: Of `N` images.
        num_samples: Canvases drawn for each hidden state.
        restore: Turns states `(M, D)` into what `predict` takes; see `explain.recording.state_restorer`.
        progress: Show progress bars.

    Raises:
        ValueError: There is only one glimpse, or a number is less than 1.
    """
    if recording.hidden.shape[1] < 2:
        raise ValueError("expected a recording of at least 2 glimpses, got 1: nobody chose where to look")

    def expect(states: slice, places: Tensor) -> EIGMaps:
        return expected_information_gain(
            agent,
            recording.hidden[:, states],
            recording.beliefs[:, states],
            imagine,
            places,
            retina=recording.retina,
            num_samples=num_samples,
            restore=restore,
            progress=progress,
        )

    maps = expect(slice(None), locations)
    gains = information_gain_everywhere(agent, recording, locations, restore=restore, progress=progress)
    looked = recording.locations[:, 1:, None]  # (N, T - 1, 1, 2)
    expected = expect(slice(-1), looked).divergence.squeeze(-1)
    beliefs = recording.beliefs
    gained = kl_divergence(beliefs[:, 1:], beliefs[:, :-1])
    correlations = rank_correlations(maps.divergence.flatten(0, 1), gains.flatten(0, 1)).view(gains.shape[:2])
    return EIGValidation(
        maps=maps,
        gains=gains,
        rank_correlation=mean_rank_correlation(correlations, bootstrap),
        expected=expected,
        gained=gained,
        location_correlation=overall_rank_correlation(expected, gained, bootstrap),
    )
