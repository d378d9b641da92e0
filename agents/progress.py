"""A progress bar that shows how well the agent does."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm


class AccuracyBar(BaseCallback):
    """Shows the steps taken, the time left, and the accuracy of the last rounds of training."""

    def _on_training_start(self) -> None:
        model: Any = self.model
        self._bar = tqdm(total=model.total_timesteps, initial=model.num_timesteps, unit="step", unit_scale=True)

    def _on_step(self) -> bool:
        model: Any = self.model
        if model.num_timesteps > self._bar.n:
            self._bar.set_postfix(accuracy=f"{model.recent_accuracy:.1%}", refresh=False)
            self._bar.update(model.num_timesteps - self._bar.n)
        return True

    def _on_training_end(self) -> None:
        self._bar.close()
