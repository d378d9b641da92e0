"""Whole episodes of a policy in a vector environment, as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.policy import RAMPolicy


@dataclass(frozen=True)
class Rollout:
    """One episode on each of `N` copies, of `T` steps.

    Attributes:
        observations: `glimpse` `(T, N, num_scales * channels, g, g)` and `location` `(T, N, 2)`.
        locations: Where the policy chose to look next, as drawn, `(T, N, 2)`; the last is never looked at.
        hidden: The hidden states behind the choices, `(T, N, hidden_size)`.
        means: The means that locations were drawn around, `(T, N, 2)`.
        scores: The class scores, `(T, N, num_classes)`.
        rewards: `(T, N)`.
        labels: The true classes, `(N,)`.
        is_success: Whether the last belief was right, `(N,)` bool.
        next_observation: The first observation of the next episodes.
    """

    observations: dict[str, Tensor]
    locations: Tensor
    hidden: Tensor
    means: Tensor
    scores: Tensor
    rewards: Tensor
    labels: Tensor
    is_success: Tensor
    next_observation: dict[str, Tensor]


@torch.no_grad()
def can_act(policy: RAMPolicy, observation: dict[str, Tensor], steps: int) -> bool:
    """Whether all that a policy does is finite in an episode that shows it one observation, `steps` times.

    Weights can be finite and yet so large that nothing else is.
    """
    hidden = policy.unroll({key: seen.expand(steps, *seen.shape) for key, seen in observation.items()})
    return all(bool(head(hidden).isfinite().all()) for head in (policy.location_mean, policy.value, policy.scores))


def collect(policy: RAMPolicy, env: Any, observation: dict[str, Tensor], generator: torch.Generator) -> Rollout:
    """Plays one episode on every copy.

    Gradients flow through the policy as at any forward pass, so that an algorithm that uses its episodes once need not
    compute anything twice; one that does not want them calls this under `torch.no_grad()`.

    Args:
        policy: Who looks.
        env: A native vector environment of torch tensors, which has just begun an episode on every copy.
        observation: Its first observation.
        generator: Draws the locations.
    """
    state = policy.initial_state(env.num_envs)
    observations: list[dict[str, Tensor]] = []
    steps: list[tuple[Tensor, ...]] = []
    ended = False
    while not ended:
        observations.append(observation)
        state = policy.remember(observation, state)
        hidden = policy.hidden(state)
        mean = policy.location_mean(hidden)
        scores = policy.scores(hidden)
        with torch.no_grad():
            noise = torch.randn(mean.shape, generator=generator, device=mean.device)
            location = mean.float() + policy.location_std * noise
            action = torch.cat([location, scores.float()], dim=-1)
        observation, reward, _, _, info = env.step(action)
        ended = "final_info" in info
        steps.append((location, hidden, mean.float(), scores.float(), reward))
    locations, hidden, means, scores, rewards = (torch.stack(values) for values in zip(*steps, strict=True))
    final = info["final_info"]
    return Rollout(
        observations={key: torch.stack([seen[key] for seen in observations]) for key in observation},
        locations=locations,
        hidden=hidden,
        means=means,
        scores=scores,
        rewards=rewards,
        labels=final["label"],
        is_success=final["is_success"],
        next_observation=observation,
    )
