"""Branching: each location is credited against others that were tried on the same canvas."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from agents.algorithms.advantages import leave_one_out, returns_and_advantages
from agents.algorithms.base import Algorithm
from agents.algorithms.losses import hybrid_loss
from agents.algorithms.rollout import BehaviourPolicy, Rollout
from agents.algorithms.settings import Settings, set_integer

MAX_BRANCHES = 1024


@dataclass(frozen=True)
class BranchingSettings(Settings):
    """How an agent learns by branching; also the fields of `agents.Settings`."""

    num_branches: int = 4
    """Locations that are tried at each glimpse (K). The episode goes on with the first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        set_integer(self, "num_branches", 2, MAX_BRANCHES)
        if self.episodes_per_image != 1:
            raise ValueError(
                "expected episodes_per_image to be 1, since branches already compare locations on one image, "
                f"got {self.episodes_per_image}"
            )


class Branching(Algorithm):
    """Learns where to look by trying several locations at each glimpse: credit by branching.

    A canvas can be looked at twice. At each glimpse, K locations are drawn from the policy, and core, classifier and
    baseline go one step further for each. With r_k what the environment's reward pays for the belief after location k,
    and V the baseline's estimate of the rewards after that, location k is credited with

        A_k = r_k + V(h'_k) - mean over the other j of (r_j + V(h'_j))

    and the episode goes on with the first. All K differ in one location alone, so that the advantage says what that
    location was worth. The return of a whole episode says it of all locations together. This is the one-step form of
    the vine procedure (Schulman et al. 2015, "Trust Region Policy Optimization", section 5.2; Kazemnejad et al. 2024,
    "VinePPO"). The baseline learns the returns of the episodes as they went on.

    The baseline decides what a branch is worth later, so give it a layer (`policy_kwargs={"baseline_size": 128}`).

    Arguments, attributes and errors are those of `agents.Algorithm`, with the settings of `BranchingSettings`.

    Example:
        >>> agent = Branching("glimpse_env:GlimpseDigits-v0", num_envs=64, num_branches=3, seed=0).learn(64 * 6 * 10)
        >>> agent.num_timesteps
        3840
    """

    settings_class: ClassVar[type[Settings]] = BranchingSettings
    settings: BranchingSettings

    def behaviour(self) -> BehaviourPolicy:
        """Chooses the locations of the next rollout, and the `K - 1` that are tried beside each."""
        behaviour = super().behaviour()
        cloning = behaviour.demonstration_path is not None
        return replace(behaviour, num_branches=0 if cloning else self.settings.num_branches - 1)

    def train(self, rollout: Rollout) -> None:
        """Takes one step of the optimizer."""
        policy = self.policy
        with self._autocast():
            values = policy.value(rollout.hidden).float()  # (T, N)

        returns, _ = returns_and_advantages(rollout.rewards, values[:-1].detach(), gae_lambda=1.0)  # (T - 1, N)

        # One step along the gradient of the hybrid loss. The baseline learns the returns.
        loss = hybrid_loss(
            surrogate=self._surrogate(rollout, values.detach()),
            logits=rollout.logits,
            labels=rollout.labels,
            values=values[:-1],
            targets=returns,
            on_policy=rollout.on_policy,
            all_on_policy=rollout.all_on_policy,
            canvas_logits=rollout.canvas_logits,
            canvases=rollout.canvases,
            weights=self.settings.loss_weights,
        )
        self._optimizer_step(loss)

    def _surrogate(self, rollout: Rollout, values: Tensor) -> Tensor:
        """What is maximised of the locations, `(T - 1, N)`, with values `(T, N)`."""
        policy, branches = self.policy, rollout.branches
        if branches.outcomes.shape[-1] == 0:  # maximum likelihood of a demonstration path, or no location to choose
            return policy.log_prob(rollout.locations[:-1], rollout.means[:-1])
        # The first location is the one that the episode went on with. Nothing is earned after the last belief.
        next_values = torch.cat([values[1:-1], torch.zeros_like(values[1:][-1:])])
        outcomes = torch.cat([(rollout.rewards[1:] + next_values)[..., None], branches.outcomes], dim=-1)
        locations = torch.cat([rollout.locations[:-1, :, None], branches.locations], dim=-2)
        log_prob = policy.log_prob(locations, rollout.means[:-1, :, None])  # (T - 1, N, K)
        return (log_prob * leave_one_out(outcomes)).mean(-1)
