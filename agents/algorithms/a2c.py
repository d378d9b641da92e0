"""Advantage actor-critic."""

from __future__ import annotations

from agents.algorithms.advantages import advantages
from agents.algorithms.base import Algorithm
from agents.algorithms.losses import policy_gradient_loss


class A2C(Algorithm):
    """Learns where to look by advantage actor-critic (Mnih et al. 2016), with one-step temporal differences.

    Each location is credited with its next reward and what the baseline expects after it, less what the baseline
    expected before. The baseline learns from the same difference.

    Arguments, attributes and errors are those of `agents.algorithms.base.Algorithm`.

    Example:
        >>> agent = A2C("glimpse_env:GlimpseDigits-v0", num_envs=64, seed=0).learn(64 * 6 * 20)
        >>> agent.num_timesteps
        7680
    """

    def update(self) -> None:
        """Plays one episode on every copy, and takes one step of the optimizer."""
        with self._autocast():
            rollout = self._collect()
            values = self.policy.value(rollout.hidden[:-1]).float()  # (T - 1, N)
        advantage = advantages(rollout.rewards, values.detach(), gae_lambda=0.0)
        self._minimise(policy_gradient_loss(self.policy, rollout, values, advantage, self.settings.loss_weights))
