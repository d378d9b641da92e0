"""Proximal policy optimization."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from agents.algorithms.advantages import advantages
from agents.algorithms.base import Algorithm
from agents.algorithms.losses import hybrid_loss
from agents.algorithms.settings import Settings
from glimpse_env.config import check_integer


@dataclass(frozen=True)
class PPOSettings(Settings):
    """How an agent learns with PPO; also the fields of `agents.Settings`."""

    n_epochs: int = 4
    """How often all episodes of a rollout are used."""
    batch_size: int = 128
    """Whole episodes a minibatch."""
    clip_range: float = 0.2
    """How far the probability of a location may move, as a ratio less 1."""
    gae_lambda: float = 1.0
    """1 credits a location with all reward that came after it, 0 with the one-step temporal difference."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("n_epochs", self.n_epochs, 1)
        check_integer("batch_size", self.batch_size, 1)
        if not 0 <= self.gae_lambda <= 1:
            raise ValueError(f"expected gae_lambda in [0, 1], got {self.gae_lambda}")
        if not self.clip_range > 0:
            raise ValueError(f"expected clip_range to be positive, got {self.clip_range}")


class PPO(Algorithm):
    """Learns where to look by proximal policy optimization (Schulman et al. 2017), over whole episodes.

    Minibatches are of whole episodes, so the core is run from the first glimpse each time, and no hidden state is ever
    out of date.

    Arguments, attributes and errors are those of `agents.Algorithm`, with the settings of `PPOSettings`.

    Example:
        >>> agent = PPO("glimpse_env:GlimpseDigits-v0", num_envs=64, batch_size=32, seed=0).learn(64 * 6 * 10)
        >>> agent.num_timesteps
        3840
    """

    settings_class: ClassVar[type[Settings]] = PPOSettings
    settings: PPOSettings

    def update(self) -> None:
        """Plays one episode on every copy, and uses all of them `n_epochs` times."""
        settings = self.settings
        with torch.no_grad(), self._autocast():
            rollout = self._collect()
            old_values = self.policy.value(rollout.hidden[:-1]).float()  # (T - 1, N)
        old_log_prob = self.policy.log_prob(rollout.locations[:-1], rollout.means[:-1])
        advantage = advantages(rollout.rewards, old_values, settings.gae_lambda)
        targets = old_values + advantage
        for _ in range(settings.n_epochs):
            order = torch.randperm(settings.num_envs, generator=self.generator, device=self.device)
            for chosen in order.split(settings.batch_size):
                with self._autocast():
                    hidden = self.policy.unroll({key: seen[:, chosen] for key, seen in rollout.observations.items()})
                    means = self.policy.location_mean(hidden[:-1])
                    values = self.policy.value(hidden[:-1])
                    logits = self.policy.logits(hidden)
                log_prob = self.policy.log_prob(rollout.locations[:-1, chosen], means.float())
                ratio = (log_prob - old_log_prob[:, chosen]).exp()
                clipped = ratio.clamp(1 - settings.clip_range, 1 + settings.clip_range)
                gain = advantage[:, chosen]
                loss = hybrid_loss(
                    surrogate=log_prob if rollout.led else torch.minimum(ratio * gain, clipped * gain),
                    logits=logits.float(),
                    labels=rollout.labels[chosen],
                    values=values.float(),
                    targets=targets[:, chosen],
                    own=rollout.own[chosen],
                    weights=settings.loss_weights,
                )
                moved = (ratio.detach() - 1).abs() > settings.clip_range
                self._minimise(loss, clip_fraction=moved.float().sum() / max(moved.numel(), 1))
