"""What is logged of a training between two lines of the log."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
import torch
from stable_baselines3.common.logger import Logger
from torch import Tensor

from agents.algorithms.losses import HybridLoss
from agents.algorithms.rollout import Rollout

RECENT_ROLLOUTS = 100
MAX_LOSSES = 10_000
"""Losses that are kept if nobody logs them."""


class Metrics:
    """Collects rollouts and losses; logs them under the names that Stable-Baselines3 uses."""

    def __init__(self) -> None:
        self._rollouts: deque[tuple[float, float]] = deque(maxlen=RECENT_ROLLOUTS)
        self.losses: deque[dict[str, Tensor]] = deque(maxlen=MAX_LOSSES)
        self.start_clock(0)

    def start_clock(self, num_timesteps: int) -> None:
        """Begins to measure `fps`."""
        self._started, self._steps_before = time.monotonic(), num_timesteps

    def fps(self, num_timesteps: int) -> int:
        """Steps per second since `start_clock`."""
        return int((num_timesteps - self._steps_before) / max(time.monotonic() - self._started, 1e-9))

    @property
    def recent_accuracy(self) -> float:
        """Fraction of correct answers in the latest rollouts, or 0 before the first."""
        return float(np.mean([success for success, _ in self._rollouts])) if self._rollouts else 0.0

    def add_rollout(self, rollout: Rollout) -> None:
        """Adds the accuracy and the mean return of a rollout."""
        self._rollouts.append((rollout.is_success.float().mean().item(), rollout.rewards.sum(0).mean().item()))

    def add_loss(self, loss: HybridLoss, **others: Tensor) -> None:
        """Adds the parts of a loss, and other scalars of the same step of the optimizer."""
        parts = {
            "policy_gradient_loss": loss.policy,
            "classification_loss": loss.classification,
            "value_loss": loss.baseline,
            "loss": loss.total(),
        }
        self.losses.append({name: value.detach() for name, value in (parts | others).items()})

    def record(self, logger: Logger) -> None:
        """Records the recent rollouts, and the means of all losses since the last time, if there were any."""
        if self._rollouts:
            logger.record("rollout/ep_rew_mean", float(np.mean([reward for _, reward in self._rollouts])))
            logger.record("rollout/success_rate", self.recent_accuracy)
        for name in self.losses[-1] if self.losses else ():
            logger.record(f"train/{name}", torch.stack([loss[name] for loss in self.losses]).mean().item())
        self.losses.clear()
