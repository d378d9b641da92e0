"""What Stable-Baselines3's callbacks, loggers and helpers ask of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from gymnasium.vector import VectorEnv
from stable_baselines3.common import utils
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from agents.algorithms.checkpoint import TrainingState
from agents.sb3.callbacks import as_callback
from agents.sb3.vec_env import GlimpseVecEnv


class SB3Interface(ABC):
    """The part of `stable_baselines3.common.base_class.BaseAlgorithm` that others call; it trains nothing.

    Args:
        state: The state of the training.
        tensorboard_log: Folder of TensorBoard's logs, if any.
        verbose: 1 prints the log.
    """

    def __init__(self, state: TrainingState, tensorboard_log: str | None, verbose: int) -> None:
        self.state = state
        self.policy = state.policy
        self.observation_space = state.policy.observation_space
        self.action_space = state.policy.action_space
        self.metrics = state.metrics
        self.tensorboard_log = tensorboard_log
        self.verbose = verbose
        self._logger: Logger | None = None
        self._custom_logger = False

    @property
    @abstractmethod
    def env(self) -> VectorEnv[Any, Any, Any]:
        """The native vector environment that the agent learns in."""

    @property
    @abstractmethod
    def num_glimpses(self) -> int:
        """Steps per episode."""

    @property
    def num_timesteps(self) -> int:
        """Steps taken so far, in all sub-environments together."""
        return self.state.num_timesteps

    @property
    def recent_accuracy(self) -> float:
        """Fraction of correct answers in the latest rollouts, or 0 before the first."""
        return self.metrics.recent_accuracy

    def get_env(self) -> GlimpseVecEnv:
        """The environment that the agent learns in, as Stable-Baselines3's callbacks want it."""
        return GlimpseVecEnv(self.env)

    def get_vec_normalize_env(self) -> None:
        """Returns None: Stable-Baselines3's callbacks ask for it, and glimpses need no normalisation."""
        return None

    @property
    def logger(self) -> Logger:
        """Where the log goes."""
        assert self._logger is not None, "the logger is there once learn() or set_logger() was called"
        return self._logger

    def set_logger(self, logger: Logger) -> None:
        """Sends the log somewhere else, from now on; see `stable_baselines3.common.logger.configure`."""
        self._logger = logger
        self._custom_logger = True

    def dump_logs(self) -> None:
        """Writes a line of the log."""
        state, logger = self.state, self.logger
        self.metrics.record(logger)
        logger.record("time/fps", self.metrics.fps(state.num_timesteps))
        logger.record("rollout/ep_len_mean", self.num_glimpses)
        logger.record("time/iterations", state.num_rollouts, exclude="tensorboard")
        logger.record("time/total_timesteps", state.num_timesteps, exclude="tensorboard")
        logger.record("train/learning_rate", state.optimizer.param_groups[0]["lr"])
        logger.record("train/location_std", state.policy.location_std.item())
        logger.dump(step=state.num_timesteps)

    def _setup_learn(
        self, total_timesteps: int, callback: Any, reset_num_timesteps: bool, tb_log_name: str
    ) -> tuple[int, BaseCallback]:
        """Sets the counters, opens the log, and makes the agent known to the callback.

        Returns:
            The number of steps to train to, and the callback.
        """
        if reset_num_timesteps:
            self.state.num_timesteps = 0
        total_timesteps += self.num_timesteps
        self.state.total_timesteps = total_timesteps
        if not self._custom_logger:
            self._logger = utils.configure_logger(self.verbose, self.tensorboard_log, tb_log_name, reset_num_timesteps)
        self.metrics.start_clock(self.num_timesteps)
        ready = as_callback(callback)
        model: Any = self  # callbacks ask for no more of a model than what is here
        ready.init_callback(model)
        return total_timesteps, ready
