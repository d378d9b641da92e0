"""Whole episodes of a policy in a vector environment, as tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.spaces import pack_action


@dataclass(frozen=True)
class Rollout:
    """One episode on each of `N` copies, of `T` steps.

    Attributes:
        observations: `glimpse` `(T, N, num_scales * channels, g, g)` and `location` `(T, N, 2)`.
        locations: Where the policy chose to look next, as drawn, `(T, N, 2)`; the last is never looked at.
        hidden: The hidden states behind the choices, `(T, N, hidden_size)`.
        means: The means that locations were drawn around, `(T, N, 2)`.
        logits: The logits, `(T, N, num_classes)`.
        rewards: `(T, N)`.
        labels: The true classes, `(N,)`.
        is_success: Whether the last belief was right, `(N,)` bool.
        own: Whose locations the policy chose itself, `(N,)` bool, so that they can be credited to it.
        led: Whether it was led along a path, which it is to learn.
        next_observation: The first observation of the next episodes.
    """

    observations: dict[str, Tensor]
    locations: Tensor
    hidden: Tensor
    means: Tensor
    logits: Tensor
    rewards: Tensor
    labels: Tensor
    is_success: Tensor
    own: Tensor
    led: bool
    next_observation: dict[str, Tensor]


@torch.no_grad()
def can_act(policy: RAMPolicy, observation: dict[str, Tensor], steps: int) -> bool:
    """Whether all that a policy does is finite in an episode that shows it one observation, `steps` times.

    Weights can be finite and yet so large that nothing else is.
    """
    hidden = policy.unroll({key: seen.expand(steps, *seen.shape) for key, seen in observation.items()})
    return all(bool(head(hidden).isfinite().all()) for head in (policy.location_mean, policy.value, policy.logits))


@dataclass(frozen=True)
class Leading:
    """Who chooses where to look in a rollout, where it is not the policy.

    Attributes:
        path: Locations to look at one after the other, over and over, instead of the policy's means, `(P, 2)`; or None.
        num_exploring: How many copies, the first ones, look where `choose` says, without noise.
        choose: Maps their states after a glimpse, `(num_exploring, state_size)`, to locations `(num_exploring, 2)`;
            None stands for anywhere, with equal probability.
    """

    path: Tensor | None = None
    num_exploring: int = 0
    choose: Callable[[Tensor], Tensor] | None = None


def collect(
    policy: RAMPolicy,
    env: Any,
    observation: dict[str, Tensor],
    generator: torch.Generator,
    leading: Leading = Leading(),
) -> Rollout:
    """Plays one episode on every copy.

    Gradients flow through the policy as at any forward pass, so that an algorithm that uses its episodes once need not
    compute anything twice; one that does not want them calls this under `torch.no_grad()`.

    Args:
        policy: Who looks.
        env: A native vector environment of torch tensors, which has just begun an episode on every copy.
        observation: Its first observation.
        generator: Draws the locations.
        leading: Who else chooses where to look.
    """
    state = policy.initial_state(env.num_envs)
    observations: list[dict[str, Tensor]] = []
    steps: list[tuple[Tensor, ...]] = []
    ended = False
    while not ended:
        observations.append(observation)
        state = policy.remember(observation, state)
        hidden = policy.hidden(state)
        with torch.no_grad():
            location = _choose(policy, state, hidden, len(steps), generator, leading)
            action = pack_action(location, policy.logits(hidden).float())
        observation, reward, _, _, info = env.step(action)
        ended = "final_info" in info
        steps.append((location, hidden, reward))
    locations, hidden, rewards = (torch.stack(values) for values in zip(*steps, strict=True))
    final = info["final_info"]
    return Rollout(
        observations={key: torch.stack([seen[key] for seen in observations]) for key in observation},
        locations=locations,
        hidden=hidden,
        means=policy.location_mean(hidden).float(),
        logits=policy.logits(hidden).float(),
        rewards=rewards,
        labels=final["label"],
        is_success=final["is_success"],
        own=torch.arange(env.num_envs, device=locations.device) >= leading.num_exploring,
        led=leading.path is not None,
        next_observation=observation,
    )


def _choose(
    policy: RAMPolicy, state: Tensor, hidden: Tensor, step: int, generator: torch.Generator, leading: Leading
) -> Tensor:
    """Where each copy looks next, `(N, 2)`."""
    mean = policy.location_mean(hidden).float()
    if leading.path is not None:
        mean = leading.path[step % len(leading.path)].expand_as(mean)
    location = mean + policy.location_std * torch.randn(mean.shape, generator=generator, device=mean.device)
    strays = leading.num_exploring
    if strays == 0:
        return location
    if leading.choose is None:
        elsewhere = torch.rand(strays, 2, generator=generator, device=mean.device) * 2 - 1
    else:
        elsewhere = leading.choose(state[:strays])
    return torch.cat([elsewhere, location[strays:]])
