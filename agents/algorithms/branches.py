"""Branches: what looking elsewhere would have earned, found by looking there on the same canvas."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.distributed import own_rows, world_size
from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.spaces import MAX_LOGIT
from glimpse_env.world import World


@dataclass(frozen=True)
class Branches:
    """Locations that were tried beside the ones that the episodes went on with.

    Attributes:
        locations: As drawn, `(..., N, B, 2)`.
        outcomes: What each would have earned: the next reward and the baseline's estimate of the rewards after it,
            `(..., N, B)`.
    """

    locations: Tensor
    outcomes: Tensor

    @classmethod
    def stack(cls, branches: list[Branches], num_envs: int) -> Branches:
        """Those of one glimpse after the other, `(len(branches), N, B)`; B is 0 if there are none."""
        if not branches:
            nothing = torch.empty(0, num_envs, 0, 2, dtype=torch.float32, device="cpu")
            return cls(nothing, nothing[..., 0])
        return cls(torch.stack([one.locations for one in branches]), torch.stack([one.outcomes for one in branches]))


@torch.no_grad()
def try_branches(
    policy: RAMPolicy, world: World, state: Tensor, num_branches: int, generator: torch.Generator
) -> Branches:
    """Draws locations from the policy, looks at all of them, and takes core, classifier and baseline one step further.

    It is the one-step form of the vine procedure (Schulman et al. 2015, "Trust Region Policy Optimization", section
    5.2). The environment's own reward function pays for the beliefs, and nothing in the environment changes.

    Args:
        policy: The policy.
        world: The world of the environment, in mid-episode.
        state: The states after the present glimpses, `(N, state_size)`.
        num_branches: How many locations to try for each sub-environment (B).
        generator: Draws the locations.

    Returns:
        Locations `(N, B, 2)` and outcomes `(N, B)`.
    """
    assert world.num_steps is not None
    means = policy.location_mean(policy.hidden(state), policy.remembered_context(state)).float()
    count = len(means)
    whole = (world_size() * count, num_branches, 2)
    noise = own_rows(torch.randn(whole, generator=generator, dtype=means.dtype, device=means.device), count)
    locations = means[:, None] + policy.location_std * noise
    observations = {key: value.flatten(0, 1) for key, value in world.look_at(locations).items()}
    hidden = policy.hidden(policy.remember(observations, state.repeat_interleave(num_branches, 0)))

    # The next action is the last of its episode if the world has counted all but that one.
    ends = world.num_steps + 1 == world.config.num_glimpses
    outcomes = policy.value(hidden).float()
    if ends:
        outcomes = torch.zeros_like(outcomes)
    if world.reward is not None:
        logits = policy.logits(hidden).float().clamp(-MAX_LOGIT, MAX_LOGIT)
        labels, potential = (one.repeat_interleave(num_branches) for one in (world.labels, world.potential))
        rewards, _ = world.reward(logits, labels, potential, ended=ends)
        if rewards is not None:
            outcomes = outcomes + rewards
    return Branches(locations, outcomes.unflatten(0, (-1, num_branches)))
