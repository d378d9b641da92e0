"""The base of all algorithms: a training loop over whole episodes, called as Stable-Baselines3's is."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import warnings
from abc import abstractmethod
from contextlib import closing
from typing import Any

import numpy as np
import torch
from torch import Tensor
from typing_extensions import Self

from agents.agent import BaseAgent, TrainingDiverged, make_training_env
from agents.algorithms.checkpoint import TrainingState
from agents.algorithms.devices import choose_device, has_bfloat16
from agents.algorithms.losses import HybridLoss
from agents.algorithms.rollout import BehaviourPolicy, Rollout, collect
from agents.algorithms.schedules import read_schedule
from agents.algorithms.settings import AgentSpec
from agents.distributed import (
    check_same,
    is_first,
    largest_over_processes,
    own_num_envs,
    rank,
    sum_over_processes,
    world_size,
)
from agents.environments import num_envs_of, read_environment
from agents.policy.recurrent_policy import MAX_UNITS, RAMPolicy
from agents.sb3.callbacks import ProgressBarCallback
from glimpse_env.config import MAX_EPISODE, check_flag, check_integer, read_number
from glimpse_env.spaces import num_classes_of
from glimpse_env.utils.errors import shown, unknown_name_error
from glimpse_env.utils.layers import MAX_SEED
from glimpse_env.utils.threads import torch_threads

POLICIES = ("RAMPolicy", "MultiInputPolicy")
SNAPSHOT_ITERATIONS = 50
"""After so many iterations the state is copied, in case the training diverges."""


class Algorithm(BaseAgent):
    """An agent and the way it learns; the base of `REINFORCE`, `A2C` and `PPO`.

    Args:
        policy: `"RAMPolicy"`; Stable-Baselines3's `"MultiInputPolicy"` means the same here. Can be left out:
            `Algorithm("GlimpseMNIST-v0")`.
        env: A glimpse environment, or its id. The agent makes its own native vector environment of the same kind, with
            as many sub-environments if it is a vector environment.
        policy_kwargs: Arguments of `RAMPolicy`.
        seed: Seed of the weights, the locations and the environment; by default random. The same seed gives the same
            agent, bit for bit on the CPU with the same number of threads, the same kind of processor, and the same
            version of torch.
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

    def __init__(
        self,
        policy: Any = "RAMPolicy",
        env: Any = None,
        *,
        policy_kwargs: dict[str, Any] | None = None,
        seed: int | None = None,
        device: torch.device | str = "auto",
        tensorboard_log: str | os.PathLike[str] | None = None,
        verbose: int = 0,
        **settings: Any,
    ) -> None:
        if env is None and not (isinstance(policy, str) and policy in POLICIES):
            policy, env = "RAMPolicy", policy
        if not (isinstance(policy, str) and policy in POLICIES):
            raise unknown_name_error("policy", policy, POLICIES)
        if seed is not None:
            check_integer("seed", seed, 0, MAX_SEED)
        check_integer("verbose", verbose, 0, 2)
        if not isinstance(tensorboard_log, str | os.PathLike | None):
            raise TypeError(f"expected tensorboard_log to be a path or None, got {shown(tensorboard_log)}")
        environment = read_environment(env)
        num_envs = num_envs_of(env)
        if num_envs is not None and settings.setdefault("num_envs", num_envs) != num_envs:
            raise ValueError(f"expected num_envs to be that of the environment, {num_envs}, got {settings['num_envs']}")
        checked = self.settings_class.read(settings)
        device = choose_device(device)
        policy_kwargs = _read_policy_kwargs(policy_kwargs)
        native: Any = make_training_env(environment, checked, policy_kwargs, device)
        spec = AgentSpec(
            environment=environment,
            glimpse_shape=native.single_observation_space["glimpse"].shape,
            num_classes=num_classes_of(native.single_action_space),
            policy_kwargs=policy_kwargs,
            settings=checked,
            seed=np.random.SeedSequence().generate_state(1).item() if seed is None else int(seed),
        )
        folder = None if tensorboard_log is None else os.fspath(tensorboard_log)
        self._take(TrainingState.untrained(spec, device), native, folder, verbose)

    @abstractmethod
    def train(self, rollout: Rollout) -> None:
        """Improves the policy by the episodes of one rollout."""

    def behaviour(self) -> BehaviourPolicy:
        """Chooses the locations of the next rollout."""
        settings = self.settings
        cloning = settings.demonstration_path and self.progress_remaining > 1 - settings.warmup_fraction
        return BehaviourPolicy(
            self.policy,
            self.generator,
            torch.tensor(settings.demonstration_path, dtype=torch.float32, device=self.device) if cloning else None,
            round(settings.exploration_fraction * settings.num_envs),
        )

    def collect_rollouts(self) -> Rollout:
        """Plays one episode in every sub-environment, with gradients.

        Raises:
            TrainingDiverged: The environment refuses the actions, which are not finite.
        """
        state = self.state
        assert self._observation is not None, "learn() resets the environment first"
        try:
            with self._autocast():
                rollout = collect(self.behaviour(), self.env, self._observation)
        except ValueError as error:
            raise TrainingDiverged(f"after {self.num_timesteps} steps the agent cannot act: {error}") from error
        self._observation = rollout.next_observation
        state.num_rollouts += 1
        state.num_timesteps += world_size() * rollout.rewards.numel()
        self.metrics.add_rollout(rollout)
        return rollout

    def learn(
        self,
        total_timesteps: float,
        callback: Any = None,
        log_interval: int | None = 100,
        tb_log_name: str | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Learns for a number of steps, in whole iterations of one episode in every sub-environment.

        Where torch.distributed was started, all processes learn together, with the same agent in each. Every process
        plays an equal part of the sub-environments, which is what its callbacks see, and ends with the same weights. If
        a callback ends the training in one of them, it ends in all.

        Args:
            total_timesteps: How many steps, in all sub-environments together. A float such as `1e6` is as good.
            callback: One of Stable-Baselines3's, a list of them, or a function.
            log_interval: Iterations between two lines of the log; None logs nothing.
            tb_log_name: Name of the run in TensorBoard; by default the algorithm's. A run that goes on counting steps
                goes on with the last log of that name.
            reset_num_timesteps: Count from 0, and begin schedules anew. Otherwise `total_timesteps` are added to those
                that were taken before.
            progress_bar: Show accuracy and the time left.

        Returns:
            This agent.

        Warns:
            UserWarning: Training goes on with another version of torch, device, kind of processor, number of threads or
                of processes than before, so that it will not end bit for bit as it would have there.

        Raises:
            ProcessLostError: Another process ended, or does not answer.
            TrainingDiverged: Something is not finite. The agent is as it was at most `SNAPSHOT_ITERATIONS` before.
            TypeError: An argument is of the wrong type.
            ValueError: A number is out of range, the sub-environments cannot be shared out among the processes, or
                these have different agents or images.
        """
        total_timesteps = _read_timesteps(total_timesteps)
        if log_interval is not None:
            check_integer("log_interval", log_interval, 1)
        if not isinstance(tb_log_name, str | None):
            raise TypeError(f"expected tb_log_name to be a string or None, got {shown(tb_log_name)}")
        check_flag("reset_num_timesteps", reset_num_timesteps)
        check_flag("progress_bar", progress_bar)
        if is_first():
            self._warn_of_slow_precision()
        if not reset_num_timesteps:
            self._warn_of_other_digits()
        if world_size() > 1:
            check_same(self._described())

        # Set up counters, log and callbacks. The environment is reset even where training goes on, since whoever called
        # get_env() may have used it in between; the number of the episode makes it go on as if nobody had.
        bar = ProgressBarCallback()
        first = rank() * own_num_envs(self.n_envs, self.settings.episodes_per_image)
        self._observation, _ = self.env.reset(seed=self.spec.seed + first, options={"episode": self.num_rollouts})
        total_timesteps, callback = self._setup_learn(
            total_timesteps,
            [callback, bar] if progress_bar else callback,
            reset_num_timesteps,
            tb_log_name or type(self).__name__,
        )
        last_good = self.state.snapshot()
        with torch_threads(self.settings.num_threads), closing(bar):
            try:
                callback.on_training_start(locals(), globals())
                going_on = True
                while going_on and self.num_timesteps < self.total_timesteps:
                    # Collect one episode in every sub-environment, and train on all of them.
                    self._apply_schedules()
                    callback.on_rollout_start()
                    rollout = self.collect_rollouts()
                    steps = self._step_locals(rollout)
                    self.train(rollout)
                    del rollout  # before the next one needs as much memory

                    # Call the callbacks once for each step of the vector environment, as Stable-Baselines3 does. All of
                    # these calls come after the training, so that an agent that is saved in one of them can be resumed.
                    for step in steps:
                        callback.update_locals(locals() | step)
                        going_on = callback.on_step() and going_on
                    self._note_episodes(steps[-1]["infos"])
                    callback.on_rollout_end()
                    going_on = largest_over_processes(not going_on) == 0

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
        callback.on_training_end()
        return self

    def _autocast(self) -> torch.autocast:
        mixed = self.settings.precision == "bfloat16"
        # The cache of torch 2.10 keeps weights that were first used under no_grad, without a gradient for later uses.
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=mixed, cache_enabled=False)

    def _optimizer_step(self, loss: HybridLoss, **metrics: Tensor) -> None:
        """Takes one step of the optimizer, unless that would make a weight infinite or NaN."""
        total = loss.total()
        self.optimizer.zero_grad()
        total.backward()
        if world_size() > 1:
            loss, metrics = self._sum_over_processes(loss, metrics)
            total = loss.total()
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

    def _sum_over_processes(self, loss: HybridLoss, metrics: dict[str, Tensor]) -> tuple[HybridLoss, dict[str, Tensor]]:
        """Makes gradients, loss and metrics of this process's part of a batch those of the whole batch."""
        weights = [weight for weight in self.policy.parameters() if weight.grad is not None]
        parts = loss.parts() | metrics
        gradients: Any = [weight.grad for weight in weights]
        sums = sum_over_processes([*gradients, *parts.values()])
        for weight, gradient in zip(weights, sums, strict=False):
            weight.grad = gradient
        whole = dict(zip(parts, sums[len(weights) :], strict=True))
        return HybridLoss(loss.weights, **{name: whole.pop(name) for name in loss.parts()}), whole

    def _described(self) -> dict[str, str]:
        """What must be the same in all processes that train this agent together."""
        native: Any = self.env.unwrapped
        data = native.world.dataset
        weights = hashlib.sha256()
        for tensor in (*self.policy.state_dict().values(), self.generator.get_state()):
            weights.update(tensor.cpu().numpy().tobytes())
        return {
            "the agent": json.dumps({"algorithm": type(self).__name__, **self.spec.to_json()}),
            "the steps that it has taken": str(self.num_timesteps),
            "the checksum of its weights and its generator": weights.hexdigest(),
            f"the checksum of the data set {data.name!r}": data.checksum,
        }

    def _apply_schedules(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = read_schedule("learning_rate", self.settings.learning_rate)(self.progress_remaining)
        location_std = read_schedule("location_std", self.settings.location_std)(self.progress_remaining)
        self.policy.location_std.fill_(location_std)

    def _warn_of_other_digits(self) -> None:
        before, now = self.state.computed_with, self.state.computes_with
        if before not in (None, now) and is_first():
            warnings.warn(
                f"this agent was trained with {shown(before)}, and goes on with {shown(now)}: its weights will not be "
                "bit for bit what they would have been there",
                stacklevel=3,
            )
        self.state.computed_with = now

    def _warn_of_slow_precision(self) -> None:
        if self.settings.precision == "bfloat16" and has_bfloat16(self.device) is False:
            warnings.warn(
                f"{self.device.type} has no instructions for bfloat16 here, so precision='bfloat16' is slower than "
                "'float32'",
                stacklevel=3,
            )


def _read_policy_kwargs(policy_kwargs: Any) -> dict[str, Any]:
    """The arguments of `RAMPolicy` that can be chosen, with NumPy's numbers as Python's, which can be saved."""
    if policy_kwargs is None:
        return {}
    if not isinstance(policy_kwargs, dict):
        raise TypeError(f"expected policy_kwargs to be a dict or None, got {shown(policy_kwargs)}")
    known = list(inspect.signature(RAMPolicy).parameters)
    chosen = [name for name in known if name not in ("observation_space", "action_space", "num_channels", "seed")]
    for name in policy_kwargs:
        if name not in chosen:
            raise unknown_name_error("argument of RAMPolicy", name, chosen)
    return {name: _read_policy_argument(name, value) for name, value in policy_kwargs.items()}


def _read_policy_argument(name: str, value: Any) -> str | bool | int:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    check_integer(name, value, 0, MAX_UNITS)
    return int(value)


def _read_timesteps(total_timesteps: Any) -> int:
    number = read_number("total_timesteps", total_timesteps, 0, MAX_EPISODE)
    if not number.is_integer():
        raise ValueError(f"expected total_timesteps to be a whole number, got {shown(total_timesteps)}")
    return int(number)
