"""The base of all algorithms: Stable-Baselines3's face, and a training loop over whole episodes."""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common import utils
from torch import Tensor
from typing_extensions import Self

from agents.algorithms.checkpoint import AGENTS, InvalidAgentError, TrainingState, upgrade_spec
from agents.algorithms.losses import HybridLoss
from agents.algorithms.precision import has_bfloat16
from agents.algorithms.rollout import BehaviourPolicy, Rollout, can_act, collect
from agents.algorithms.schedules import read_schedule
from agents.algorithms.settings import AgentSpec, Settings
from agents.environments import num_envs_of, read_environment
from agents.sb3.callbacks import ProgressBarCallback
from agents.sb3.interface import SB3Interface
from glimpse_env.spaces import num_classes_of
from glimpse_env.utils.errors import unknown_name_error

POLICIES = ("RAMPolicy", "MultiInputPolicy")
SNAPSHOT_ITERATIONS = 50
"""After so many iterations the state is copied, in case the training diverges."""


class TrainingDiverged(FloatingPointError):
    """The loss, its gradient or an output of the agent is no longer finite."""


class Algorithm(SB3Interface):
    """An agent and the way it learns; the base of `REINFORCE`, `A2C` and `PPO`.

    Args:
        policy: `"RAMPolicy"`; Stable-Baselines3's `"MultiInputPolicy"` means the same here. Can be left out:
            `Algorithm("GlimpseMNIST-v0")`.
        env: A glimpse environment, or its id. The agent makes its own native vector environment of the same kind, with
            as many sub-environments if it is a vector environment.
        policy_kwargs: Arguments of `RAMPolicy`.
        seed: Seed of the weights, the locations and the environment; by default random. The same seed gives the same
            agent, on the CPU bit for bit.
        device: `"cpu"`, `"cuda"`, ... or `"auto"`.
        tensorboard_log: Folder of TensorBoard's logs, if any.
        verbose: 1 prints the log.
        **settings: Fields of `Settings`, or of the algorithm's own.

    Attributes:
        policy: The network.
        settings: How the agent learns.
        state: All that training changes, and that a saved agent holds.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is unknown or out of range.
    """

    settings_class: ClassVar[type[Settings]] = Settings
    settings: Settings

    def __init__(
        self,
        policy: Any = "RAMPolicy",
        env: Any = None,
        *,
        policy_kwargs: dict[str, Any] | None = None,
        seed: int | None = None,
        device: torch.device | str = "auto",
        tensorboard_log: str | None = None,
        verbose: int = 0,
        **settings: Any,
    ) -> None:
        if env is None:
            policy, env = "RAMPolicy", policy
        if policy not in POLICIES:
            raise unknown_name_error("policy", policy, POLICIES)
        environment = read_environment(env)
        num_envs = num_envs_of(env)
        if num_envs is not None and settings.setdefault("num_envs", num_envs) != num_envs:
            raise ValueError(f"expected num_envs to be that of the environment, {num_envs}, got {settings['num_envs']}")
        checked = self.settings_class.read(settings)
        device = utils.get_device(device)
        native: Any = environment.make_vec(checked.num_envs, device=str(device))
        spec = AgentSpec(
            environment=environment,
            glimpse_shape=native.single_observation_space["glimpse"].shape,
            num_classes=num_classes_of(native.single_action_space),
            policy_kwargs=policy_kwargs or {},
            settings=checked,
            seed=np.random.SeedSequence().generate_state(1).item() if seed is None else int(seed),
        )
        self._take(TrainingState.untrained(spec, device), native, tensorboard_log, verbose)

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

    @abstractmethod
    def train(self, rollout: Rollout) -> None:
        """Improves the policy by the episodes of one rollout."""

    def collect_rollouts(self) -> Rollout:
        """Plays one episode in every sub-environment, with gradients.

        Raises:
            TrainingDiverged: The environment refuses the actions, which are not finite.
        """
        settings, state = self.settings, self.state
        assert self._observation is not None, "learn() resets the environment first"
        cloning = settings.demonstration_path and state.progress_remaining > 1 - settings.warmup_fraction
        behaviour = BehaviourPolicy(
            self.policy,
            self.generator,
            torch.tensor(settings.demonstration_path, dtype=torch.float32, device=self.device) if cloning else None,
            round(settings.exploration_fraction * settings.num_envs),
        )
        try:
            with self._autocast():
                rollout = collect(behaviour, self.env, self._observation)
        except ValueError as error:
            raise TrainingDiverged(f"after {self.num_timesteps} steps the agent cannot act: {error}") from error
        self._observation = rollout.next_observation
        state.num_rollouts += 1
        state.num_timesteps += rollout.rewards.numel()
        self.metrics.add_rollout(rollout)
        return rollout

    def learn(
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int | None = 100,
        tb_log_name: str | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Learns for a number of steps, in whole iterations of one episode in every sub-environment.

        Args:
            total_timesteps: How many steps, in all sub-environments together.
            callback: One of Stable-Baselines3's, a list of them, or a function.
            log_interval: Iterations between two lines of the log; None logs nothing.
            tb_log_name: Name of the run in TensorBoard; by default the algorithm's. A run that goes on counting steps
                goes on with the last log of that name.
            reset_num_timesteps: Count from 0, and begin schedules anew. Otherwise `total_timesteps` are added to those
                that were taken before.
            progress_bar: Show accuracy and the time left.

        Returns:
            This agent.

        Raises:
            TrainingDiverged: Something is not finite. The agent is as it was at most `SNAPSHOT_ITERATIONS` before.
        """
        self._warn_of_slow_precision()

        # Set up counters, log and callbacks. The environment is reset even where training goes on, since whoever called
        # get_env() may have used it in between; the number of the episode makes it go on as if nobody had.
        bar = ProgressBarCallback()
        self._observation, _ = self.env.reset(seed=self.spec.seed, options={"episode": self.num_rollouts})
        total_timesteps, callback = self._setup_learn(
            total_timesteps,
            [callback, bar] if progress_bar else callback,
            reset_num_timesteps,
            tb_log_name or type(self).__name__,
        )
        last_good = self.state.snapshot()
        try:
            callback.on_training_start(locals(), globals())
            going_on = True
            while going_on and self.num_timesteps < self.total_timesteps:
                # Collect one episode in every sub-environment, and train on all of them.
                self._apply_schedules()
                callback.on_rollout_start()
                self.train(self.collect_rollouts())

                # Call the callbacks once for each step of the vector environment, as Stable-Baselines3 does. All of
                # these calls come after the training, so that an agent that is saved in one of them can be resumed.
                for step in range(1, self.num_glimpses + 1):
                    dones = np.full(self.settings.num_envs, step == self.num_glimpses)
                    callback.update_locals(locals())
                    going_on = callback.on_step() and going_on
                callback.on_rollout_end()

                # Log, and remember a state to return to.
                if log_interval is not None and self.num_rollouts % log_interval == 0:
                    self.dump_logs()
                if self.num_rollouts % SNAPSHOT_ITERATIONS == 0:
                    self._check_that_it_acts()
                    last_good = self.state.snapshot()
            self._check_that_it_acts()
        except TrainingDiverged:
            self.state.restore(*last_good)
            raise
        finally:
            bar.close()
        callback.on_training_end()
        return self

    def predict(
        self,
        observation: dict[str, NDArray[np.float32]],
        state: NDArray[np.float32] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Chooses an action for one observation or a batch of them; see `RAMPolicy.predict`."""
        return self.policy.predict(observation, state, episode_start, deterministic)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves everything that it takes to use this agent, or to train it further, as one zip.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
            TrainingDiverged: The outputs are not finite; nothing is written.
        """
        self._check_that_it_acts()
        AGENTS.write(path, {"algorithm": type(self).__name__, **self.state.describe()}, self.state.tensors())

    @classmethod
    def load(cls, path: str | os.PathLike[str], env: Any = None, device: torch.device | str = "auto") -> Self:
        """Loads an agent that this algorithm saved; `agents.load` finds the algorithm itself.

        Args:
            path: The zip that `save` wrote.
            env: The environment that it uses from now on, as for the constructor; by default that of before.
            device: Where its weights go.

        Raises:
            InvalidAgentError: The file is damaged, of a newer format, or of another algorithm.
            ValueError: The environment has other spaces than the one that the agent was trained in.
        """
        return cls.from_saved(path, *AGENTS.read(path), env, device)

    @classmethod
    def from_saved(
        cls,
        path: str | os.PathLike[str],
        description: dict[str, Any],
        tensors: dict[str, Any],
        env: Any = None,
        device: torch.device | str = "auto",
    ) -> Self:
        """Makes an agent of what `AGENTS.read` returned; see `load`."""
        if description.get("algorithm") != cls.__name__:
            raise InvalidAgentError(path, f"its algorithm is {description.get('algorithm')!r}, not {cls.__name__}")
        agent = cls.__new__(cls)
        with AGENTS.complaints_about(path):
            spec = AgentSpec.from_json(upgrade_spec(description), cls.settings_class.read)
            agent._take(TrainingState.untrained(spec, utils.get_device(device)))
            agent.state.restore(description, tensors)
        if env is not None:
            agent._move_to(env)
        return agent

    def _move_to(self, env: Any) -> None:
        """Takes another environment to learn in."""
        environment, num_envs = read_environment(env), num_envs_of(env) or self.settings.num_envs
        self._env = environment.make_vec(num_envs, device=str(self.device))
        utils.check_for_correct_spaces(self.get_env(), self.observation_space, self.action_space)
        self.settings = replace(self.settings, num_envs=num_envs)
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
        """The native vector environment that the agent learns in; a loaded agent makes it when it is first needed."""
        if self._env is None:
            self._env = self.make_vec_env(self.settings.num_envs, device=str(self.device))
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
        self.state.total_timesteps = total_timesteps

    @property
    def accuracy(self) -> float | None:
        """What you measured, saved with the agent; None again as soon as its weights or its environment change."""
        return self.state.accuracy

    @accuracy.setter
    def accuracy(self, accuracy: float | None) -> None:
        self.state.accuracy = accuracy

    @property
    def progress_remaining(self) -> float:
        """How much of the training is left, from 1 to 0."""
        return self.state.progress_remaining

    def _autocast(self) -> torch.autocast:
        mixed = self.settings.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed)

    def _optimizer_step(self, loss: HybridLoss, **metrics: Tensor) -> None:
        """Takes one step of the optimizer, unless that would make a weight infinite or NaN."""
        total = loss.total()
        self.optimizer.zero_grad()
        total.backward()
        max_norm = self.settings.max_grad_norm
        norms = [torch.nn.utils.clip_grad_norm_(group, max_norm) for group in self.policy.parameter_groups()]
        norm = torch.stack(norms).norm()
        if not (torch.isfinite(total) and torch.isfinite(norm)):
            raise TrainingDiverged(
                f"after {self.num_timesteps} steps the loss is {total.item()}, its gradient's norm {norm.item()}"
            )
        self.optimizer.step()
        self.accuracy = None
        self.metrics.add_loss(loss, grad_norm=norm, **metrics)

    def _apply_schedules(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = read_schedule("learning_rate", self.settings.learning_rate)(self.progress_remaining)
        location_std = read_schedule("location_std", self.settings.location_std)(self.progress_remaining)
        self.policy.location_std.fill_(location_std)

    def _check_that_it_acts(self) -> None:
        if self._observation is not None and not can_act(self.policy, self._observation, self.num_glimpses):
            raise TrainingDiverged(f"after {self.num_timesteps} steps the agent cannot act: its weights are too large")

    def _warn_of_slow_precision(self) -> None:
        if self.settings.precision == "bfloat16" and has_bfloat16(self.device) is False:
            warnings.warn(
                f"{self.device.type} has no instructions for bfloat16 here, so precision='bfloat16' is slower than "
                "'float32'",
                stacklevel=3,
            )
