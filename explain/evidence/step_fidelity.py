"""Step fidelity: are the glimpses that told most those whose loss costs the last belief most?

Glimpse t is lost by showing background instead of it. The locations of all glimpses stay as they were. With b_t the
belief after glimpse t, and b_T' the last belief without glimpse t, both in nats:

    information gain of glimpse t:  KL(b_t || b_t-1)
    cost of its loss:               KL(b_T || b_T')

This is deletion by blocks (Samek et al. 2017), where the blocks are glimpses.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explain.eig.rank_correlation import rank_correlations
from explain.evidence.metric import Metric
from explain.knowledge.information import kl_divergence
from explain.knowledge.intervals import Bootstrap
from explain.recording import Recording
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.dataset_rollout import Agent
from glimpse_env.utils.layers import new_generator


def costs_of_loss(agent: Agent, recording: Recording) -> Tensor:
    """Computes what the loss of each glimpse but the first costs the last belief.

    Args:
        agent: The agent that was recorded.
        recording: `N` images, `T` glimpses.

    Returns:
        `(N, T - 1)`, in nats.
    """
    agent = RecurrentAgent(agent, recording.device)
    tables, last = recording.retina.pool(recording.canvases), recording.beliefs[:, -1]
    glimpses = recording.retina.glimpses(tables, recording.locations)  # (N, T, num_scales * channels, g, g)
    num_glimpses, costs = recording.hidden.shape[1], []
    for lost in range(1, num_glimpses):
        hidden, belief = recording.hidden[:, lost - 1], last
        for number in range(lost, num_glimpses):
            seen = torch.zeros_like(glimpses[:, number]) if number == lost else glimpses[:, number]
            hidden, belief, _ = agent.look(hidden, seen, recording.locations[:, number])
        costs.append(kl_divergence(last, belief))
    return torch.stack(costs, dim=1)


def step_fidelity(gains: Tensor, costs: Tensor, bootstrap: Bootstrap, *, seed: int = 0) -> Metric:
    """Computes the rank correlation of gains and costs over the glimpses of an image, the mean over images.

    The nulls are glimpses in random order, and the mean cost of that glimpse in the *other* images, which knows the
    number of a glimpse and nothing of the image.

    Args:
        gains: Information gain of each glimpse, `(N, G)`.
        costs: What its loss costs, `(N, G)`.
        bootstrap: Of `N` images.
        seed: Determines the random order.
    """
    random = torch.rand(gains.shape, generator=new_generator(seed), dtype=torch.float64, device="cpu")
    by_number = (costs.double().sum(0) - costs.double()) / max(len(costs) - 1, 1)
    return Metric.over_images(
        "step fidelity",
        "Are the glimpses that told most those whose loss costs most?",
        rank_correlations(gains, costs),
        {"random glimpses": rank_correlations(random, costs), "glimpse number": rank_correlations(by_number, costs)},
        bootstrap,
        unit="rank correlation",
    )
