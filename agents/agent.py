"""An agent, apart from how it learns: its policy, its environment, and its file."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from typing import Any, BinaryIO, ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common import utils
from torch import Tensor
from typing_extensions import Self

from agents.algorithms.checkpoint import AGENTS, TrainingState, make_policy
from agents.algorithms.devices import choose_device
from agents.algorithms.rollout import can_act
from agents.algorithms.settings import AgentSpec, Settings
from agents.distributed import own_num_envs
from agents.environments import EnvironmentSpec, num_envs_of, read_environment
from agents.policy.randomised import randomised_layers
from agents.policy.recurrent_policy import RAMPolicy
from agents.sb3.interface import SB3Interface
from agents.sb3.vec_env import GlimpseVecEnv
from glimpse_env.config import MAX_EPISODE, check_integer, read_number
from glimpse_env.utils.archive import SavedFile


class TrainingDiverged(FloatingPointError):
    """The loss, its gradient or an output of the agent is no longer finite."""


def make_training_env(
    environment: EnvironmentSpec, settings: Settings, policy_kwargs: dict[str, Any], device: torch.device
) -> VectorEnv[Any, Any, Any]:
    """Makes the native vector environment that an agent with these settings learns in.

    Raises:
        ValueError: Its canvases are smaller than what the agent's canvas head is to predict, or the sub-environments
            cannot be shared out among the processes of the training.
    """
    num_envs = own_num_envs(settings.num_envs, settings.episodes_per_image)
    native: Any = environment.make_vec(num_envs, device=str(device), episodes_per_image=settings.episodes_per_image)
    native.unwrapped.world.check_pooled_side("canvas_head", policy_kwargs.get("canvas_head", 0))
    return native


class BaseAgent(SB3Interface):
    """What all agents have in common that does not train: they act, are saved, loaded and moved to other environments.

    Attributes:
        policy: The network.
        settings: How the agent learns.
        state: All that training changes, and that a saved agent holds.
    """

    settings_class: ClassVar[type[Settings]] = Settings
    settings: Settings

    def _take(
        self,
        state: TrainingState,
        native: VectorEnv[Any, Any, Any] | None = None,
        tensorboard_log: str | None = None,
        verbose: int = 0,
    ) -> None:
        """Takes over a state, of a new agent or of a saved one."""
        SB3Interface.__init__(self, state, tensorboard_log, verbose)
        self.settings = state.spec.settings
        self.device = state.policy.device
        self.optimizer = state.optimizer
        self.generator = state.generator
        self._env = native
        self._observation: dict[str, Tensor] | None = None

    def predict(
        self,
        observation: dict[str, NDArray[np.float32]],
        state: NDArray[np.float32] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Chooses an action for one observation or a batch of them; see `RAMPolicy.predict`."""
        return self.policy.predict(observation, state, episode_start, deterministic)

    def randomised(self, seed: int = 0) -> dict[str, RAMPolicy]:
        """Makes copies of the policy whose layers are untrained, one more in each, from the outputs to the inputs.

        This is what `explain` asks for to test its explanations by parameter randomisation.

        Args:
            seed: Seed of the untrained weights.

        Returns:
            By the name of a layer a policy in which this layer and all above it are untrained; in the last one, all.

        Raises:
            ValueError: The seed is out of range.

        Example:
            >>> from agents import REINFORCE
            >>> list(REINFORCE("glimpse_env:GlimpseDigits-v0").randomised())
            ['heads', 'core', 'glimpse network, top', 'glimpse network, bottom']
        """
        untrained = make_policy(replace(self.spec, seed=seed)).to(self.device)
        return randomised_layers(self.policy, untrained)

    def save(self, path: str | os.PathLike[str] | BinaryIO) -> None:
        """Saves everything that it takes to use this agent, or to train it further, as one zip.

        Args:
            path: Where, or a file that is open for writing, such as `io.BytesIO()`.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
            TrainingDiverged: The outputs are not finite; nothing is written.
        """
        self._check_that_it_acts()
        AGENTS.write(path, self.describe(), self.state.tensors())

    def describe(self) -> dict[str, Any]:
        """What goes into `agent.json` of a saved agent."""
        return {"algorithm": type(self).__name__, **self.state.describe()}

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | BinaryIO,
        env: Any = None,
        device: torch.device | str = "auto",
        custom_objects: dict[str, Any] | None = None,
        print_system_info: bool = False,
        **changes: Any,
    ) -> Self:
        """Loads an agent that this algorithm saved; `agents.load` finds the algorithm itself.

        Args:
            path: The zip that `save` wrote, or a file with its content that is open for reading.
            env: The environment that it uses from now on, as for the constructor; by default that of before.
            device: Where its weights go.
            custom_objects: More changes, as Stable-Baselines3 takes them.
            print_system_info: Whether to print the versions of what is installed.
            **changes: `verbose`, `tensorboard_log`, `seed`, or settings that are to replace those of before.

        Raises:
            InvalidAgentError: The file is damaged, of a newer format, or of another algorithm.
            TypeError: A change is of the wrong type.
            ValueError: The environment has other spaces than the one that the agent was trained in, or a change is
                unknown or out of range.
        """
        if print_system_info:
            utils.get_system_info()
        device = choose_device(device)
        with AGENTS.open(path) as saved:
            name = saved.description.get("algorithm")
            if name != cls.__name__:
                raise ValueError(f"its algorithm is {name!r}, not {cls.__name__}")
            agent = cls.from_saved(saved, device)
        agent.change(env, {**(custom_objects or {}), **changes})
        return agent

    @classmethod
    def from_saved(cls, saved: SavedFile, device: torch.device) -> Self:
        """Makes an agent of a file of this algorithm, which is open.

        Raises:
            TypeError: Something in it is of the wrong type.
            ValueError: Something in it is not as expected.
        """
        agent = cls.__new__(cls)
        agent._take(TrainingState.read(saved, cls.settings_class.read, device))
        return agent

    def change(self, env: Any, changes: dict[str, Any]) -> None:
        """Changes a loaded agent; see `load`."""
        changes = dict(changes)
        self.verbose = changes.pop("verbose", self.verbose)
        self.tensorboard_log = changes.pop("tensorboard_log", self.tensorboard_log)
        self.set_random_seed(changes.pop("seed", None))
        if changes:
            settings = {one.name: getattr(self.settings, one.name) for one in fields(self.settings)}
            self.settings = self.settings_class.read(settings | changes)
            self.state.spec = replace(self.spec, settings=self.settings)
        if env is not None:
            self.move_to(env)

    def set_env(self, env: Any) -> None:
        """Takes another environment to learn in, with as many sub-environments.

        Args:
            env: As for the constructor.

        Raises:
            ValueError: It has other spaces, or another number of sub-environments, which `load(path, env)` takes.
        """
        num_envs = num_envs_of(env)
        if num_envs not in (None, self.n_envs):
            raise ValueError(f"expected {self.n_envs} sub-environments, as the agent has, got {num_envs}")
        self.move_to(env)

    def move_to(self, env: Any) -> None:
        """Takes another environment to learn in, with any number of sub-environments."""
        environment, num_envs = read_environment(env), num_envs_of(env) or self.settings.num_envs
        settings = replace(self.settings, num_envs=num_envs)
        native = make_training_env(environment, settings, self.spec.policy_kwargs, self.device)
        utils.check_for_correct_spaces(GlimpseVecEnv(native), self.observation_space, self.action_space)
        self._env = native
        self.settings = settings
        self.state.spec = replace(self.spec, environment=environment, settings=self.settings)
        self.accuracy = None

    def make_env(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment of the kind that the agent was trained in, for example with `split="test"`."""
        return self.spec.environment.make(**overrides)

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""
        return self.spec.environment.make_vec(num_envs, **overrides)

    @property
    def env(self) -> VectorEnv[Any, Any, Any]:
        """The native vector environment that the agent learns in; a loaded agent makes it when it is first needed.

        Of a training in several processes, each has a part of the sub-environments.
        """
        if self._env is None or self._env.num_envs != own_num_envs(self.n_envs, self.settings.episodes_per_image):
            spec = self.spec
            self._env = make_training_env(spec.environment, self.settings, spec.policy_kwargs, self.device)
        return self._env

    @property
    def num_glimpses(self) -> int:
        """Steps per episode."""
        native: Any = self.env.unwrapped
        return int(native.world.config.num_glimpses)

    @property
    def spec(self) -> AgentSpec:
        """What the agent is made of, apart from its weights."""
        return self.state.spec

    @property
    def num_rollouts(self) -> int:
        """Iterations so far."""
        return self.state.num_rollouts

    @property
    def total_timesteps(self) -> int:
        """Steps at which the training ends. `learn` sets it; set it yourself to plan a training before."""
        return self.state.total_timesteps

    @total_timesteps.setter
    def total_timesteps(self, total_timesteps: int) -> None:
        check_integer("total_timesteps", total_timesteps, 0, MAX_EPISODE)
        self.state.total_timesteps = int(total_timesteps)

    @property
    def accuracy(self) -> float | None:
        """What you measured, saved with the agent; None again as soon as its weights or its environment change."""
        return self.state.accuracy

    @accuracy.setter
    def accuracy(self, accuracy: float | None) -> None:
        self.state.accuracy = None if accuracy is None else read_number("accuracy", accuracy, 0, 1)

    @property
    def progress_remaining(self) -> float:
        """How much of the training is left, from 1 to 0."""
        return self.state.progress_remaining

    def _check_that_it_acts(self) -> None:
        if self._observation is not None and not can_act(self.policy, self._observation, self.num_glimpses):
            raise TrainingDiverged(f"after {self.num_timesteps} steps the agent cannot act: its weights are too large")
