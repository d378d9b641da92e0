"""A value network: what does EIG know of the worth of a glimpse that a network trained on the labels does not?

Looking at location l after glimpse t improves the agent's log score of the true class y by

    d_t(l) = log p(y | h_t, glimpse at l) - log p(y | h_t)

A network v(h_t, l) is fitted on it by least squares, on training images at random locations, as in DIME (Gadgil, Covert
and Lee 2024). At its optimum v is E[d_t(l) | h_t]; the expected information gain (EIG) is the same expectation under
what the VAE and the agent's own beliefs say (their conditional mutual information), without any label. Both are ranked
over locations against the real improvement of test images.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from explain.eig.maps import beliefs_everywhere
from explain.eig.rank_correlation import rank_correlations
from explain.evidence.metric import Metric
from explain.knowledge.intervals import Bootstrap
from explain.recording import Recording
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.dataset_rollout import Agent
from glimpse_env.utils.layers import make_layer, new_generator

MAX_IMAGES = 5_000
"""Training images that the network is fitted on, at most."""
NUM_LOCATIONS = 8
"""Random locations for each of their hidden states."""
LAYER_SIZE, NUM_STEPS, BATCH, LEARNING_RATE = 128, 1_500, 256, 1e-3
LOWEST_BELIEF = 1e-6
"""Beliefs are kept this far from 0, so that a log score is at least -13.8 nats."""
VALUE_NETWORK, OTHER_IMAGES = "value network (DIME)", "mean improvement in other images"
"""Names of what EIG is compared with."""


def log_score_improvements(beliefs: Tensor, following: Tensor, labels: Tensor) -> Tensor:
    """By how much the log score of the true class improves.

    Args:
        beliefs: Before looking, `(M, C)`.
        following: After looking at `L` locations, `(M, L, C)`.
        labels: The true class, `(M,)` int64.

    Returns:
        `(M, L)` in nats.

    Example:
        >>> beliefs, following = torch.tensor([[0.5, 0.5]]), torch.tensor([[[1.0, 0.0], [0.5, 0.5]]])
        >>> log_score_improvements(beliefs, following, torch.tensor([0]))
        tensor([[0.6931, 0.0000]])
    """
    before = beliefs.gather(1, labels[:, None]).clamp(min=LOWEST_BELIEF).log()
    after = following.gather(2, labels[:, None, None].expand(*following.shape[:2], 1)).squeeze(2)
    return after.clamp(min=LOWEST_BELIEF).log() - before


def fit_value_network(agent: Agent, train: Recording, *, seed: int = 0) -> nn.Module:
    """Fits a network that predicts the improvement of the log score from the hidden state and a location.

    Args:
        agent: The agent that was recorded.
        train: The agent on training images, `T` glimpses, at least 2; the first `MAX_IMAGES` images are taken.
        seed: Determines the locations, the weights, and the batches.

    Returns:
        Maps `(M, D + 2)`, a hidden state and `(x, y)`, to `(M, 1)` in nats.
    """
    train, agent, generator = train[:MAX_IMAGES], RecurrentAgent(agent, train.device), new_generator(seed)
    hidden, beliefs = train.hidden[:, :-1], train.beliefs[:, :-1]
    shape = (NUM_LOCATIONS, *hidden.shape[:2], 2)
    locations = 2 * torch.rand(shape, generator=generator, dtype=torch.float32, device="cpu").to(train.device) - 1
    tables, improvements = train.retina.pool(train.canvases), []
    for at in locations:
        for number, places in enumerate(at.unbind(1)):
            following = agent.beliefs_after(hidden[:, number], train.retina.glimpses(tables, places), places)
            improvements.append(log_score_improvements(beliefs[:, number], following[:, None], train.labels))
    targets = torch.stack(improvements).view(NUM_LOCATIONS, -1, len(train)).transpose(1, 2).reshape(-1, 1)  # (M, 1)
    inputs = torch.cat([hidden.expand(NUM_LOCATIONS, -1, -1, -1), locations], dim=-1).flatten(0, 2)  # (M, D + 2)
    sizes = (inputs.shape[1], LAYER_SIZE, LAYER_SIZE, 1)
    first, second, last = (make_layer(nn.Linear, *pair, generator=generator) for pair in pairwise(sizes))
    network = nn.Sequential(_Standardise(inputs), first, nn.ReLU(), second, nn.ReLU(), last).to(train.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, NUM_STEPS)
    for _ in range(NUM_STEPS):
        chosen = torch.randint(len(inputs), (BATCH,), generator=generator, device="cpu").to(train.device)
        loss = (network(inputs[chosen]) - targets[chosen]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network


class _Standardise(nn.Module):
    """Subtracts the mean of each input and divides by its standard deviation."""

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.mean, self.deviation = inputs.mean(0), inputs.std(0).clamp(min=1e-6)

    def forward(self, inputs: Tensor) -> Tensor:
        """Standardises `(M, D)`."""
        standardised: Tensor = (inputs - self.mean) / self.deviation
        return standardised


def value_of_looking(
    agent: Agent,
    train: Recording,
    recording: Recording,
    maps: Tensor,
    locations: Tensor,
    bootstrap: Bootstrap,
    *,
    seed: int = 0,
) -> Metric:
    """Computes how well EIG ranks places by the real improvement of the log score, beside a value network.

    The improvement is that of the true class, which nobody knows before looking. So no prediction can be expected to
    reach 1.

    Args:
        agent: The agent that was recorded.
        train: The agent on training images.
        recording: `N` test images, `T` glimpses, at least 2 of both.
        maps: EIG after each glimpse but the last, `(N, T - 1, L)`.
        locations: The places of the maps, `(L, 2)`, `(x, y)` in [-1, 1].
        bootstrap: Of `N` images.
        seed: Determines the network.

    Returns:
        The rank correlation over places, the mean over images and glimpses. Beside it that of the value network, which
        saw labels of training images, and that of the mean improvement at each place in the other images, which knows
        nothing of this one.
    """
    network, real = fit_value_network(agent, train, seed=seed), improvements_everywhere(agent, recording, locations)
    hidden = recording.hidden[:, :-1, None].expand(-1, -1, len(locations), -1)
    with torch.no_grad():
        predicted = torch.stack(
            [network(torch.cat([one, locations.expand(*one.shape[:2], 2)], dim=-1)).squeeze(-1) for one in hidden]
        )  # (N, T - 1, L)
    of_others = (real.sum(0) - real) / max(len(real) - 1, 1)

    def agreement(values: Tensor) -> Tensor:
        return rank_correlations(values.flatten(0, 1), real.flatten(0, 1)).view(real.shape[:2])

    return Metric.over_images(
        "value of looking",
        "Does EIG rank places by how much looking there improves the log score of the true class?",
        agreement(maps),
        {VALUE_NETWORK: agreement(predicted), OTHER_IMAGES: agreement(of_others)},
        bootstrap,
        unit="rank correlation",
    )


def improvements_everywhere(agent: Agent, recording: Recording, locations: Tensor) -> Tensor:
    """Computes by how much looking at each location really improves the log score of the true class.

    Args:
        agent: The agent that was recorded.
        recording: `N` images, `T` glimpses.
        locations: `(L, 2)`, `(x, y)` in [-1, 1].

    Returns:
        After each glimpse but the last, `(N, T - 1, L)`, in nats.
    """
    agent, improvements = RecurrentAgent(agent, recording.device), []
    for canvas, states, beliefs, label in zip(
        recording.canvases, recording.hidden, recording.beliefs, recording.labels, strict=True
    ):
        following = torch.cat(
            [beliefs_everywhere(agent, state, canvas[None], locations, recording.retina) for state in states[:-1]]
        )  # (T - 1, L, C)
        improvements.append(log_score_improvements(beliefs[:-1], following, label.expand(len(following))))
    return torch.stack(improvements)
