"""Callbacks of Stable-Baselines3: all forms that `learn` takes, and the progress bar."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.callbacks import BaseCallback, CallbackList, ConvertCallback
from tqdm import tqdm

from glimpse_env.utils.errors import shown


def as_callback(callback: Any) -> BaseCallback:
    """Makes one callback of one, of a list of them, of a function, or of None.

    Raises:
        TypeError: It is none of these.
    """
    if callback is None:
        callback = []
    if isinstance(callback, list):
        return CallbackList([as_callback(one) for one in callback])
    if isinstance(callback, BaseCallback):
        return callback
    if not callable(callback):
        raise TypeError(f"expected a callback, a list of them, or a function, got {shown(callback)}")
    return ConvertCallback(callback)


class ProgressBarCallback(BaseCallback):
    """Shows the steps taken, the time left, and the recent accuracy of one of our agents.

    Stable-Baselines3 does not tell callbacks when a training ends by an error, so whoever trains calls `close`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None

    def _on_training_start(self) -> None:
        agent: Any = self.model
        before, iteration = agent.num_timesteps, agent.settings.num_envs * agent.num_glimpses
        left = -(-(agent.total_timesteps - before) // iteration) * iteration  # in whole iterations
        self._bar = tqdm(total=before + left, initial=before, unit="step", unit_scale=True)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        agent: Any = self.model
        self._bar.set_postfix(accuracy=f"{agent.recent_accuracy:.1%}", refresh=False)
        self._bar.update(agent.num_timesteps - self._bar.n)

    def close(self) -> None:
        """Closes the bar, where there is one."""
        if self._bar is not None:
            self._bar.close()
