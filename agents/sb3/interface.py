"""What Stable-Baselines3's callbacks, loggers and helpers ask of a model."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gymnasium.vector import VectorEnv
from stable_baselines3.common import utils
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger

from agents.algorithms.checkpoint import TrainingState
from agents.algorithms.rollout import Rollout
from agents.algorithms.schedules import Schedule, read_schedule
from agents.sb3 import parameters
from agents.sb3.callbacks import as_callback
from agents.sb3.step_locals import step_locals
from agents.sb3.vec_env import GlimpseVecEnv
from glimpse_env.config import check_integer

RECENT_EPISODES = 100
"""Length of `ep_info_buffer`, as in Stable-Baselines3."""


class SB3Interface(ABC):
    """The part of `stable_baselines3.common.base_class.BaseAlgorithm` that others call; it trains nothing.

    Args:
        state: The state of the training.
        tensorboard_log: Folder of TensorBoard's logs, if any.
        verbose: 1 prints the log.

    Attributes:
        policy: The network.
        observation_space: Of a sub-environment.
        action_space: Of a sub-environment.
        start_time: When the latest training began, in nanoseconds since the epoch.
    """

    gamma = 1.0
    """There is no discount."""

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
        self._vec_env: GlimpseVecEnv | None = None
        self._recent: deque[Sequence[dict[str, Any]]] | None = None
        self.start_time = 0

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
    def n_envs(self) -> int:
        """Number of sub-environments that the agent learns in."""
        return self.state.spec.settings.num_envs

    @property
    def n_steps(self) -> int:
        """Steps of each sub-environment in a rollout: a whole episode."""
        return self.num_glimpses

    @property
    def seed(self) -> int:
        """Seed of the weights, the locations and the environment."""
        return self.state.spec.seed

    @property
    def policy_kwargs(self) -> dict[str, Any]:
        """Arguments of the policy."""
        return self.state.spec.policy_kwargs

    @property
    def lr_schedule(self) -> Schedule:
        """The learning rate, given how much of the training is left."""
        return read_schedule("learning_rate", self.state.spec.settings.learning_rate)

    @property
    def learning_rate(self) -> float | Schedule:
        """The learning rate: a number, if it stays the same during a training."""
        schedule = self.lr_schedule
        return schedule.start if schedule.start == schedule.end else schedule

    @property
    def recent_accuracy(self) -> float:
        """Fraction of correct answers in the latest rollouts, or 0 before the first."""
        return self.metrics.recent_accuracy

    @property
    def ep_info_buffer(self) -> deque[dict[str, Any]] | None:
        """`info["episode"]` of the latest 100 episodes; None before the first training."""
        return self._buffer("episode")

    @property
    def ep_success_buffer(self) -> deque[bool] | None:
        """`info["is_success"]` of the latest 100 episodes; None before the first training."""
        return self._buffer("is_success")

    def get_env(self) -> GlimpseVecEnv:
        """The environment that the agent learns in, as Stable-Baselines3's callbacks want it."""
        if self._vec_env is None or self._vec_env.native is not self.env:
            self._vec_env = GlimpseVecEnv(self.env)
        return self._vec_env

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

    def get_parameters(self) -> dict[str, dict[str, Any]]:
        """The state dicts of `policy` and `optimizer`, by name; the tensors are those in use."""
        return parameters.get_parameters(self.state)

    def set_parameters(self, load_path_or_dict: Any, exact_match: bool = True) -> None:
        """Takes over weights, and the optimizer's moments. The measured accuracy is forgotten.

        Args:
            load_path_or_dict: What `get_parameters` returned, or the file of a saved agent with the same network.
            exact_match: Whether every parameter must be there and no other. Otherwise only those change that are there.

        Raises:
            InvalidAgentError: The file is damaged, or of another network.
            ValueError: A parameter is missing, unknown or of another shape. Nothing was changed.
        """
        parameters.set_parameters(self.state, load_path_or_dict, exact_match)

    def set_random_seed(self, seed: int | None = None) -> None:
        """Seeds all that is drawn from now on: locations, minibatches and episodes. The weights stay as they are.

        Every draw comes from a generator of this agent, so the generators of Python, NumPy and torch are left alone.

        Args:
            seed: The seed, at least 0; None changes nothing.

        Raises:
            TypeError: The seed is no integer.
            ValueError: The seed is negative.
        """
        if seed is None:
            return
        check_integer("seed", seed, 0)
        self.state.spec = replace(self.state.spec, seed=int(seed))
        self.state.generator.manual_seed(int(seed))
        self.policy.generator.manual_seed(int(seed))

    def _step_locals(self, rollout: Rollout) -> list[dict[str, Any]]:
        """What callbacks find in their `locals` after each step of a rollout."""
        return step_locals(rollout, (time.time_ns() - self.start_time) / 1e9)

    def _note_episodes(self, infos: Sequence[dict[str, Any]]) -> None:
        """Notes how the episodes of a rollout ended, for `ep_info_buffer` and `ep_success_buffer`."""
        assert self._recent is not None, "_setup_learn() makes it"
        self._recent.append(infos)

    def _buffer(self, name: str) -> deque[Any] | None:
        if self._recent is None:
            return None
        return deque((info[name] for infos in self._recent for info in infos), maxlen=RECENT_EPISODES)

    def _setup_learn(
        self, total_timesteps: int, callback: Any, reset_num_timesteps: bool, tb_log_name: str
    ) -> tuple[int, BaseCallback]:
        """Sets the counters, opens the log, and makes the agent known to the callback.

        Returns:
            The number of steps to train to, and the callback.
        """
        self.start_time = time.time_ns()
        if reset_num_timesteps:
            self.state.num_timesteps = 0
        if reset_num_timesteps or self._recent is None:
            self._recent = deque(maxlen=-(-RECENT_EPISODES // self.n_envs))  # rounded up
        total_timesteps += self.num_timesteps
        self.state.total_timesteps = total_timesteps
        if not self._custom_logger:
            self._logger = utils.configure_logger(self.verbose, self.tensorboard_log, tb_log_name, reset_num_timesteps)
        self.metrics.start_clock(self.num_timesteps)
        ready = as_callback(callback)
        model: Any = self  # callbacks ask for no more of a model than what is here
        ready.init_callback(model)
        return total_timesteps, ready
