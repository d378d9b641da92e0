"""What is logged of a training between two lines of the log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.logger import Logger
from torch import Tensor

from agents.algorithms.losses import HybridLoss
from agents.algorithms.rollout import Rollout
from agents.distributed import sum_over_processes, world_size
from glimpse_env.utils.stored_tensors import Each, Part, TensorSpec

RECENT_ROLLOUTS = 100
MAX_LOSSES = 10_000
"""Losses that are kept if nobody logs them."""
MAX_NAMES = 64
"""Names that the parts of a loss may have in a file."""


class Metrics:
    """Collects rollouts and losses; logs them under the names that Stable-Baselines3 uses.

    A saved agent holds them, so that the log of a training that is resumed goes on as if nothing had interrupted it.
    """

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
        """Adds the accuracy and the mean return of a rollout, of its parts in all processes together."""
        means = [rollout.is_success.float().mean(), rollout.rewards.sum(0).mean()]
        accuracy, mean_return = (total.item() / world_size() for total in sum_over_processes(means))
        self._rollouts.append((accuracy, mean_return))

    def add_loss(self, loss: HybridLoss, **others: Tensor) -> None:
        """Adds the parts of a loss, and other scalars of the same step of the optimizer.

        Where these are others than before, as after a change of the settings, those of before are forgotten.
        """
        parts = {
            "policy_gradient_loss": loss.policy,
            "classification_loss": loss.classification,
            "value_loss": loss.baseline,
            "loss": loss.total(),
        }
        if loss.canvas is not None:
            parts["canvas_loss"] = loss.canvas
        losses = {name: value.detach() for name, value in (parts | others).items()}
        if self.losses and self.losses[-1].keys() != losses.keys():
            self.losses.clear()
        self.losses.append(losses)

    def record(self, logger: Logger) -> None:
        """Records the recent rollouts, and the means of all losses since the last time, if there were any."""
        if self._rollouts:
            logger.record("rollout/ep_rew_mean", float(np.mean([reward for _, reward in self._rollouts])))
            logger.record("rollout/success_rate", self.recent_accuracy)
        for name in self.losses[-1] if self.losses else ():
            logger.record(f"train/{name}", torch.stack([loss[name] for loss in self.losses]).mean().item())
        self.losses.clear()

    def tensors(self) -> dict[str, Any]:
        """What goes into a saved agent: accuracy and return of recent rollouts, `(n, 2)`, and each loss, `(k,)`."""
        names = self.losses[-1] if self.losses else ()
        return {
            "rollouts": torch.tensor(list(self._rollouts), dtype=torch.float64, device="cpu").reshape(-1, 2),
            "losses": {name: torch.stack([loss[name] for loss in self.losses]) for name in names},
        }

    @staticmethod
    def expected() -> Part:
        """What `tensors` returns is like this."""
        loss = TensorSpec((range(MAX_LOSSES + 1),), (torch.float32, torch.bfloat16), finite=False)
        return {
            "rollouts": TensorSpec((range(RECENT_ROLLOUTS + 1), 2), (torch.float64,)),
            "losses": Each(loss, MAX_NAMES),
        }

    def restore(self, tensors: Mapping[str, Any], device: torch.device) -> None:
        """Takes over what `tensors` returned, to go on with losses on a device.

        Raises:
            ValueError: It is something else.
        """
        rollouts, losses = tensors["rollouts"], tensors["losses"]
        columns = list(losses.values())
        if rollouts.ndim != 2 or rollouts.shape[1] != 2 or len(rollouts) > RECENT_ROLLOUTS:
            raise ValueError(f"expected at most {RECENT_ROLLOUTS} recent rollouts, got {tuple(rollouts.shape)}")
        if len({column.shape for column in columns}) > 1 or any(column.ndim != 1 for column in columns):
            raise ValueError("expected the same number of values of each loss")
        self._rollouts = deque(map(tuple, rollouts.tolist()), maxlen=RECENT_ROLLOUTS)
        rows = zip(*(column.to(device).unbind() for column in columns), strict=True)
        self.losses = deque((dict(zip(losses, row, strict=True)) for row in rows), maxlen=MAX_LOSSES)
