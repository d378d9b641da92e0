"""A model of Stable-Baselines3 with what our programs ask of an agent."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.environments import EnvironmentSpec
from glimpse_env.discrete_actions import flat_actions
from glimpse_env.spaces import num_classes_of
from glimpse_env.utils.errors import shown


def holds_sb3_model(path: Path) -> bool:
    """Whether a file is a zip that a model of Stable-Baselines3 was saved as. Executes nothing."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "_stable_baselines3_version" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


class SB3Agent:
    """Gives a model of Stable-Baselines3 or sb3-contrib what our programs ask of an agent.

    Its actions are locations and logits, as the environment takes them without a wrapper, also where the model learned
    under `glimpse_env.DiscreteActions`.

    Args:
        model: The model.
        environment: A glimpse environment like the one that it learned in.

    Raises:
        ValueError: The model has other spaces than the environment.

    Example:
        >>> from stable_baselines3 import PPO
        >>> from agents import make_sb3_env
        >>> model = PPO("MultiInputPolicy", make_sb3_env("glimpse_env:GlimpseDigits-v0", num_envs=2, grid=4))
        >>> agent = SB3Agent(model, EnvironmentSpec("GlimpseDigits-v0", {}))
        >>> observations, _ = agent.make_vec_env(5).reset(seed=0)
        >>> agent.predict(observations)[0].shape
        (5, 12)
    """

    def __init__(self, model: BaseAlgorithm, environment: EnvironmentSpec) -> None:
        self.model = model
        self.environment = environment
        env = environment.make_vec(1)
        if model.observation_space != env.single_observation_space:
            raise ValueError(
                f"expected a model for the observations of {environment.env_id}, {env.single_observation_space}, "
                f"got one for {shown(model.observation_space)}"
            )
        self._num_classes = num_classes_of(env.single_action_space)
        self._grid = None if model.action_space == env.single_action_space else self._grid_of(model.action_space)

    def _grid_of(self, space: spaces.Space[Any]) -> int:
        """Columns and rows of the grid that discrete actions choose from."""
        cells, *classes = space.nvec.tolist() if isinstance(space, spaces.MultiDiscrete) else [0]
        grid = math.isqrt(cells)
        if classes != [self._num_classes] or grid**2 != cells:
            raise ValueError(
                f"expected a model for the actions of {self.environment.env_id}, with {self._num_classes} classes, or "
                f"for DiscreteActions of it, got one for {shown(space)}"
            )
        return grid

    @property
    def num_glimpses(self) -> int:
        """Steps per episode."""
        return self.environment.config.num_glimpses

    @property
    def num_timesteps(self) -> int:
        """Steps that the model learned from, in all sub-environments together."""
        return self.model.num_timesteps

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """Of a sub-environment."""
        return self.model.observation_space

    @property
    def device(self) -> torch.device:
        """Where the model's weights are."""
        return self.model.device

    def predict(
        self,
        observation: Any,
        state: tuple[NDArray[np.float32], ...] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], ...] | None]:
        """Chooses an action for one observation or a batch of them.

        Returns:
            Actions `(N, 2 + num_classes)`, and the model's next state, None if it has no memory.
        """
        actions, state = self.model.predict(observation, state, episode_start, deterministic)
        if self._grid is not None:
            actions = flat_actions(torch.from_numpy(actions).long(), self._grid, self._num_classes).numpy()
        return actions, state

    def make_env(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment of the kind that the model learned in."""
        return self.environment.make(**overrides)

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the model learned in."""
        return self.environment.make_vec(num_envs, **overrides)
