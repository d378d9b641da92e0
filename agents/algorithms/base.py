"""What all algorithms have in common: the face of Stable-Baselines3's, and a loop over whole episodes."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common import utils
from stable_baselines3.common.logger import Logger
from torch import Tensor
from typing_extensions import Self

from agents.algorithms import checkpoint as saving
from agents.algorithms.losses import HybridLoss
from agents.algorithms.metrics import Metrics
from agents.algorithms.precision import has_bfloat16
from agents.algorithms.rollout import Leading, Rollout, can_act, collect
from agents.algorithms.schedules import read_schedule
from agents.algorithms.settings import AgentSpec, Settings
from agents.environments import copies_of, read_environment
from agents.policy.recurrent_policy import RAMPolicy
from agents.sb3.callbacks import read_callback
from agents.sb3.progress import accuracy_bar
from agents.sb3.vec_env import GlimpseVecEnv
from glimpse_env import spaces
from glimpse_env.retina import Retina
from glimpse_env.utils.errors import unknown_name_error

POLICIES = ("RAMPolicy", "MultiInputPolicy")
SNAPSHOT_ITERATIONS = 50  # after so many the agent is remembered, in case the training diverges


class TrainingDiverged(FloatingPointError):
    """The loss, its gradient or what the agent does is no longer finite."""


class Algorithm(ABC):
    """An agent and the way it learns; the base of `REINFORCE`, `A2C` and `PPO`.

    Args:
        policy: `"RAMPolicy"`; Stable-Baselines3's `"MultiInputPolicy"` means the same here. Can be left out:
            `Algorithm("GlimpseMNIST-v0")`.
        env: A glimpse environment, or its id. The agent makes its own native vector environment of the same kind, and
            of as many copies if it is a vector environment.
        policy_kwargs: Arguments of `RAMPolicy`.
        seed: Of the weights, the locations and the environment; by default random. The same seed gives the same
            agent, on the CPU bit for bit.
        device: `"cpu"`, `"cuda"`, ... or `"auto"`.
        tensorboard_log: Folder of TensorBoard's logs, if any.
        verbose: 1 prints the log.
        **settings: Fields of `Settings`, or of the algorithm's own.

    Attributes:
        policy: The network.
        settings: How it learns.
        num_timesteps: Steps taken so far in all copies of the environment.
        choose: Where the episodes of `Settings.exploration_fraction` look: maps their states after a glimpse,
            `(k, state_size)`, to locations `(k, 2)`; by default None, at random. It is not saved.
        accuracy: What you measured, saved with the agent; None again as soon as its weights or its environment change.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument is unknown or out of range.
    """

    settings_class: ClassVar[type[Settings]] = Settings

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
        copies = copies_of(env)
        if copies is not None and settings.setdefault("num_envs", copies) != copies:
            raise ValueError(f"expected num_envs to be that of the environment, {copies}, got {settings['num_envs']}")
        checked = self.settings_class.read(settings)
        device = utils.get_device(device)
        env = environment.make_vec(checked.num_envs, device=str(device))
        self._build(
            AgentSpec(
                environment=environment,
                glimpse_shape=env.single_observation_space["glimpse"].shape,
                num_classes=spaces.num_classes_of(env.single_action_space),
                policy_kwargs=policy_kwargs or {},
                settings=checked,
                seed=np.random.SeedSequence().generate_state(1).item() if seed is None else int(seed),
            ),
            device,
            env,
            tensorboard_log,
            verbose,
        )

    def _build(
        self,
        spec: AgentSpec,
        device: torch.device,
        env: VectorEnv[Any, Any, Any] | None = None,
        tensorboard_log: str | None = None,
        verbose: int = 0,
    ) -> None:
        """Makes everything that a fresh agent and a loaded one both need."""
        self.spec = spec
        self.settings = spec.settings
        self.device = device
        self.observation_space = spaces.observation_space(spec.glimpse_shape[0], Retina(spec.glimpse_shape[1], 1))
        self.action_space = spaces.action_space(spec.num_classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(spec.seed)
            self.policy = RAMPolicy(self.observation_space, self.action_space, **spec.policy_kwargs).to(device)
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=0.0, fused=True)
        self.generator = torch.Generator(device).manual_seed(spec.seed)
        self.num_timesteps = 0
        self.num_rollouts = 0
        self.total_timesteps = 0
        self.accuracy: float | None = None
        self.choose: Callable[[Tensor], Tensor] | None = None
        self.tensorboard_log = tensorboard_log
        self.verbose = verbose
        self._logger: Logger | None = None
        self._custom_logger = False
        self._env = env
        self._observation: dict[str, Tensor] | None = None
        self.metrics = Metrics()

    @abstractmethod
    def update(self) -> None:
        """Plays one episode on every copy of the environment, and learns from it."""

    def learn(
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int | None = 100,
        tb_log_name: str | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Learns for a number of steps, in whole rounds of one episode on every copy of the environment.

        Args:
            total_timesteps: How many steps in all copies together.
            callback: One of Stable-Baselines3's, a list of them, or a function.
            log_interval: Rounds between two lines of the log; None logs nothing.
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
        if self.settings.precision == "bfloat16" and has_bfloat16(self.device) is False:
            warnings.warn(
                f"{self.device.type} has no instructions for bfloat16 here, so precision='bfloat16' is slower than "
                "'float32'",
                stacklevel=2,
            )
        if reset_num_timesteps:
            self.num_timesteps = 0
        total_timesteps += self.num_timesteps
        self.total_timesteps = total_timesteps
        if not self._custom_logger:
            name = tb_log_name or type(self).__name__
            self._logger = utils.configure_logger(self.verbose, self.tensorboard_log, name, reset_num_timesteps)
        # Always, since whoever called get_env() may have used it in between.
        self._observation, _ = self.env.reset(seed=self.spec.seed, options={"episode": self.num_rollouts})
        callbacks = read_callback(callback, self)
        callbacks.on_training_start(locals(), globals())
        self.metrics.start_clock(self.num_timesteps)
        last_good = saving.snapshot(self)
        try:
            with accuracy_bar(self, shown=progress_bar) as advance_bar:
                going_on = True
                while going_on and self.num_timesteps < self.total_timesteps:
                    self._apply_schedules()
                    callbacks.on_rollout_start()
                    self.update()
                    # The callbacks count vector steps, but all see the agent between two rounds, fit to be saved.
                    for step in range(1, self.num_glimpses + 1):
                        dones = np.full(self.settings.num_envs, step == self.num_glimpses)
                        callbacks.update_locals(locals())
                        going_on = callbacks.on_step() and going_on
                    callbacks.on_rollout_end()
                    advance_bar()
                    if log_interval is not None and self.num_rollouts % log_interval == 0:
                        self.dump_logs()
                    if self.num_rollouts % SNAPSHOT_ITERATIONS == 0:
                        self._check_that_it_acts()
                        last_good = saving.snapshot(self)
            self._check_that_it_acts()
        except TrainingDiverged:
            saving.restore(self, *last_good)
            raise
        callbacks.on_training_end()
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

    def make_env(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment of the kind that the agent was trained in, for example with `split="test"`."""
        return self.spec.environment.make(**overrides)

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""
        return self.spec.environment.make_vec(num_envs, **overrides)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Saves everything that it takes to use this agent, or to train it further, as one zip.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
            TrainingDiverged: Training has just spoilt the weights; nothing is written.
        """
        self._check_that_it_acts()
        saving.AGENTS.write(path, saving.describe(self), saving.tensors_of(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str], env: Any = None, device: torch.device | str = "auto") -> Self:
        """Loads an agent that this algorithm saved; `agents.load` finds the algorithm itself.

        Args:
            path: The zip that `save` wrote.
            env: Where it lives from now on, as for the constructor; by default where it lived before.
            device: Where its weights go.

        Raises:
            InvalidAgentError: The file is damaged, of a newer format, or of another algorithm.
            ValueError: The environment has other spaces than the one that the agent was trained in.
        """
        description, tensors = saving.AGENTS.read(path)
        return cls.from_saved(path, description, tensors, env, device)

    @classmethod
    def from_saved(
        cls,
        path: str | os.PathLike[str],
        description: dict[str, Any],
        tensors: dict[str, Any],
        env: Any = None,
        device: torch.device | str = "auto",
    ) -> Self:
        """Makes an agent of what `saving.AGENTS.read` returned; see `load`."""
        if description.get("algorithm") != cls.__name__:
            raise saving.InvalidAgentError(
                path, f"its algorithm is {description.get('algorithm')!r}, not {cls.__name__}"
            )
        agent = cls.__new__(cls)
        with saving.AGENTS.complaints_about(path):
            spec = AgentSpec.from_json(description["agent"], cls.settings_class.read)
            agent._build(spec, utils.get_device(device))
            saving.restore(agent, description, tensors)
        if env is not None:
            agent._move_to(env)
        return agent

    def _move_to(self, env: Any) -> None:
        """Gives the agent another environment to live in."""
        environment, num_envs = read_environment(env), copies_of(env) or self.settings.num_envs
        self._env = environment.make_vec(num_envs, device=str(self.device))
        utils.check_for_correct_spaces(self.get_env(), self.observation_space, self.action_space)
        self.settings = replace(self.settings, num_envs=num_envs)
        self.spec = replace(self.spec, environment=environment, settings=self.settings)
        self.accuracy = None

    @property
    def env(self) -> VectorEnv[Any, Any, Any]:
        """The native vector environment that the agent learns in; a loaded agent makes it when it is first needed."""
        if self._env is None:
            self._env = self.make_vec_env(self.settings.num_envs, device=str(self.device))
        return self._env

    def get_env(self) -> GlimpseVecEnv:
        """The environment as Stable-Baselines3's callbacks want it."""
        return GlimpseVecEnv(self.env)

    def get_vec_normalize_env(self) -> None:
        """Returns None: Stable-Baselines3's callbacks ask for it, and glimpses need no normalisation."""
        return None

    @property
    def num_glimpses(self) -> int:
        """Steps an episode."""
        native: Any = self.env.unwrapped
        return int(native.world.config.num_glimpses)

    @property
    def progress_remaining(self) -> float:
        """How much of the training is left, from 1 to 0."""
        return max(0.0, 1 - self.num_timesteps / max(self.total_timesteps, 1))

    @property
    def logger(self) -> Logger:
        """Where the log goes."""
        assert self._logger is not None, "the logger is there once learn() or set_logger() was called"
        return self._logger

    def set_logger(self, logger: Logger) -> None:
        """Sends the log somewhere else, from now on; see `stable_baselines3.common.logger.configure`."""
        self._logger = logger
        self._custom_logger = True

    def _collect(self) -> Rollout:
        assert self._observation is not None
        try:
            rollout = collect(self.policy, self.env, self._observation, self.generator, self._leading())
        except ValueError as error:  # the environment refuses actions that are not finite
            raise TrainingDiverged(f"after {self.num_timesteps} steps the agent cannot act: {error}") from error
        self._observation = rollout.next_observation
        self.num_rollouts += 1
        self.num_timesteps += rollout.rewards.numel()
        self.metrics.add_rollout(rollout)
        return rollout

    def _leading(self) -> Leading:
        """Who chooses where to look in the next rollout."""
        settings = self.settings
        led = settings.demonstration_path and self.progress_remaining > 1 - settings.warmup_fraction
        return Leading(
            path=torch.tensor(settings.demonstration_path, device=self.device) if led else None,
            num_exploring=round(settings.exploration_fraction * settings.num_envs),
            choose=self.choose,
        )

    def _autocast(self) -> torch.autocast:
        mixed = self.settings.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed)

    def _minimise(self, loss: HybridLoss, **metrics: Tensor) -> None:
        """Takes one step of the optimizer, unless that would spoil the weights."""
        total = loss.total()
        self.optimizer.zero_grad()
        total.backward()
        longest = self.settings.max_grad_norm
        norms = [torch.nn.utils.clip_grad_norm_(group, longest) for group in self.policy.parameter_groups()]
        norm = torch.stack(norms).norm()
        if not (torch.isfinite(total) and torch.isfinite(norm)):
            raise TrainingDiverged(
                f"after {self.num_timesteps} steps the loss is {total.item()}, its gradient's norm {norm.item()}"
            )
        self.optimizer.step()
        self.accuracy = None
        self.metrics.add_loss(loss, grad_norm=norm, **metrics)

    def _apply_schedules(self) -> None:
        left = self.progress_remaining
        for group in self.optimizer.param_groups:
            group["lr"] = read_schedule("learning_rate", self.settings.learning_rate)(left)
        self.policy.location_std.fill_(read_schedule("location_std", self.settings.location_std)(left))

    def _check_that_it_acts(self) -> None:
        if self._observation is not None and not can_act(self.policy, self._observation, self.num_glimpses):
            raise TrainingDiverged(f"after {self.num_timesteps} steps the agent cannot act: its weights are too large")

    def dump_logs(self) -> None:
        """Writes a line of the log."""
        self.metrics.record(self.logger)
        self.logger.record("time/fps", self.metrics.fps(self.num_timesteps))
        self.logger.record("rollout/ep_len_mean", self.num_glimpses)
        self.logger.record("time/iterations", self.num_rollouts, exclude="tensorboard")
        self.logger.record("time/total_timesteps", self.num_timesteps, exclude="tensorboard")
        self.logger.record("train/learning_rate", self.optimizer.param_groups[0]["lr"])
        self.logger.record("train/location_std", self.policy.location_std.item())
        self.logger.dump(step=self.num_timesteps)

    @property
    def recent_accuracy(self) -> float:
        """Share of right answers in the last rounds of training, or 0 before the first."""
        return self.metrics.recent_accuracy
