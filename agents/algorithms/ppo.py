"""Proximal policy optimization."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from agents.algorithms.advantages import returns_and_advantages
from agents.algorithms.base import Algorithm
from agents.algorithms.losses import hybrid_loss
from agents.algorithms.rollout import Rollout
from agents.algorithms.settings import Settings, set_integer, set_number
from agents.distributed import own_numbers
from glimpse_env.config import MAX_ENVS

MAX_EPOCHS = 10_000


@dataclass(frozen=True)
class PPOSettings(Settings):
    """How an agent learns with PPO; also the fields of `agents.Settings`."""

    n_epochs: int = 4
    """How often all episodes of a rollout are used."""
    batch_size: int = 128
    """Whole episodes per minibatch."""
    clip_range: float = 0.2
    """How far the ratio of the new to the old probability of a location may move from 1 and still be rewarded."""
    gae_lambda: float = 1.0
    """Of generalised advantage estimation: 0 is the one-step temporal difference, 1 the return less the baseline."""

    def __post_init__(self) -> None:
        super().__post_init__()
        set_integer(self, "n_epochs", 1, MAX_EPOCHS)
        set_integer(self, "batch_size", 1, MAX_ENVS)
        set_number(self, "gae_lambda", 0, 1)
        set_number(self, "clip_range", 0, math.inf)
        if self.clip_range == 0:
            raise ValueError(f"expected clip_range to be positive, got {self.clip_range}")


class PPO(Algorithm):
    """Learns where to look by proximal policy optimization (Schulman et al. 2017), over whole episodes.

    A minibatch holds whole episodes, and the core is run from the first glimpse each time. So no hidden state is
    stored, and none is out of date.

    Arguments, attributes and errors are those of `agents.Algorithm`, with the settings of `PPOSettings`.

    Example:
        >>> agent = PPO("glimpse_env:GlimpseDigits-v0", num_envs=64, batch_size=32, seed=0).learn(64 * 6 * 10)
        >>> agent.num_timesteps
        3840
    """

    settings_class: ClassVar[type[Settings]] = PPOSettings
    settings: PPOSettings

    def collect_rollouts(self) -> Rollout:
        """Plays one episode in every sub-environment, without gradients; see `Algorithm.collect_rollouts`."""
        with torch.no_grad():
            return super().collect_rollouts()

    def train(self, rollout: Rollout) -> None:
        """Uses all episodes `n_epochs` times, a minibatch of them for each step of the optimizer."""
        settings, policy = self.settings, self.policy

        # What the policy that collected the episodes thought of its locations.
        with torch.no_grad(), self._autocast():
            old_values = policy.value(rollout.hidden[:-1]).float()  # (T - 1, N)
        old_log_prob = policy.log_prob(rollout.locations[:-1], rollout.means[:-1])  # (T - 1, N)
        targets, advantage = returns_and_advantages(
            rollout.rewards, old_values, settings.gae_lambda, settings.episodes_per_image
        )  # (T - 1, N) each

        for _ in range(settings.n_epochs):
            order = torch.randperm(settings.num_envs, generator=self.generator, device=self.device)
            for whole_batch in order.split(settings.batch_size):
                batch = own_numbers(whole_batch, len(rollout.labels))
                # Forward pass over the episodes of the minibatch.
                with self._autocast():
                    hidden = policy.unroll({key: value[:, batch] for key, value in rollout.observations.items()})
                    context = policy.context({key: value[0, batch] for key, value in rollout.observations.items()})
                    means = policy.location_mean(hidden[:-1], context)
                    values = policy.value(hidden[:-1])
                    logits = policy.logits(hidden)
                    canvas_logits = policy.canvas_logits(hidden)

                # Clipped surrogate objective; during the warm-up, the likelihood of the demonstration path.
                log_prob = policy.log_prob(rollout.locations[:-1, batch], means.float())
                ratio = (log_prob - old_log_prob[:, batch]).exp()
                clipped = ratio.clamp(1 - settings.clip_range, 1 + settings.clip_range)
                clipped_surrogate = torch.minimum(ratio * advantage[:, batch], clipped * advantage[:, batch])

                # One step along the gradient of the hybrid loss.
                loss = hybrid_loss(
                    surrogate=log_prob if rollout.cloning else clipped_surrogate,
                    logits=logits.float(),
                    labels=rollout.labels[batch],
                    values=values.float(),
                    targets=targets[:, batch],
                    on_policy=rollout.on_policy[batch],
                    all_on_policy=rollout.all_on_policy[whole_batch],
                    canvas_logits=canvas_logits,
                    canvases=None if rollout.canvases is None else rollout.canvases[batch],
                    weights=settings.loss_weights,
                )
                was_clipped = (ratio.detach() - 1).abs() > settings.clip_range
                num_locations = len(old_log_prob) * len(whole_batch)
                self._optimizer_step(loss, clip_fraction=was_clipped.float().sum() / max(num_locations, 1))
