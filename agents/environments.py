"""Environments by id and arguments, so that an agent's environment can be made again anywhere."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import HumanRendering, OrderEnforcing, PassiveEnvChecker, RecordEpisodeStatistics
from gymnasium.wrappers.vector import RecordEpisodeStatistics as VectorRecordEpisodeStatistics
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor

import glimpse_env
from agents.sb3.vec_env import GlimpseVecEnv, check_autoreset_mode
from glimpse_env import registration
from glimpse_env.config import WorldConfig
from glimpse_env.reward_wrappers import GlimpseReward, VectorGlimpseReward
from glimpse_env.utils.errors import shown, unknown_name_error

_REMADE_ANYWAY = ("num_envs", "vectorization_mode", "device", "render_mode", "autoreset_mode", "episodes_per_image")
_REWARDS = (GlimpseReward, VectorGlimpseReward)
_ONLY_WATCH = (Monitor, RecordEpisodeStatistics, VectorRecordEpisodeStatistics)
_KNOWN_LAYERS = (HumanRendering, OrderEnforcing, PassiveEnvChecker, *_ONLY_WATCH, *_REWARDS)


@dataclass(frozen=True)
class EnvironmentSpec:
    """A glimpse environment by its id.

    Attributes:
        env_id: As for `gym.make`.
        arguments: What is passed with it, of what makes a world and its rewards.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: There is no such id, or it stands for another kind of environment. An id that asks for a module to
            be imported is refused, too: a saved agent must not choose what is executed. Or an argument is unknown or
            out of range.
    """

    env_id: str
    arguments: dict[str, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.env_id, str):
            raise TypeError(f"expected env_id to be a string, got {shown(self.env_id)}")
        spec = gym.registry.get(self.env_id.removeprefix("glimpse_env:"))
        if spec is None:
            raise unknown_name_error("environment", self.env_id, glimpse_env.IDS)
        if spec.vector_entry_point != registration.VECTOR_ENTRY_POINT:
            raise ValueError(f"expected the id of a glimpse environment, got {shown(self.env_id)}")
        if not isinstance(self.arguments, dict):
            raise TypeError(f"expected the arguments of the environment in a dict, got {shown(self.arguments)}")
        known = [field.name for field in fields(WorldConfig)] + ["reward", "reward_weight"]
        for name in self.arguments:
            if name not in known:
                raise unknown_name_error("argument of an environment", name, known)
        registration.check_arguments(spec.kwargs | self.arguments)

    @property
    def config(self) -> WorldConfig:
        """What there is to see, and how it is looked at."""
        spec = gym.registry[self.env_id.removeprefix("glimpse_env:")]
        return registration.check_arguments(spec.kwargs | self.arguments)

    def make(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment."""
        return gym.make(self.env_id, **self.arguments | overrides)

    def make_vec(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment."""
        arguments = self.arguments | overrides
        return gym.make_vec(self.env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments)


def num_envs_of(env: Any) -> int | None:
    """Number of sub-environments of a vector environment; None for a single environment or an id."""
    return int(env.num_envs) if isinstance(env, VectorEnv | VecEnv) else None


def read_environment(env: str | gym.Env[Any, Any] | VectorEnv[Any, Any, Any] | VecEnv) -> EnvironmentSpec:
    """Finds out how to make an environment again.

    Args:
        env: An id, or an environment made from one, also a `VecEnv` of Stable-Baselines3 whose sub-environments are in
            this process. Wrappers that only watch it are left out.

    Raises:
        TypeError: It is neither.
        ValueError: It is no glimpse environment, wears wrappers that would be lost, or has another autoreset mode than
            `"same_step"`.
    """
    while isinstance(env, VecMonitor):
        env = env.venv
    if isinstance(env, GlimpseVecEnv):
        env = env.native
    if isinstance(env, DummyVecEnv):
        first, *others = map(read_environment, env.envs)
        if any(other != first for other in others):
            raise ValueError(f"expected sub-environments of one kind, got {[first, *others]}")
        return first
    if isinstance(env, VecEnv):
        raise ValueError(f"expected a GlimpseVecEnv or a DummyVecEnv, which can be made anew, got {env}")
    if isinstance(env, str):
        return EnvironmentSpec(env, {})
    if not isinstance(env, gym.Env | VectorEnv):
        raise TypeError(f"expected an environment or its id, got {shown(env)}")
    spec = env.unwrapped.spec
    if spec is None or not isinstance(env.unwrapped, glimpse_env.GlimpseEnv | glimpse_env.GlimpseVectorEnv):
        raise ValueError(f"expected a glimpse environment that gym.make or gym.make_vec made, got {env}")
    if isinstance(env, VectorEnv):
        check_autoreset_mode(env)
    layers: list[Any] = []
    layer: Any = env
    while layer is not env.unwrapped:
        layers.append(layer)
        layer = layer.env
    rewards = [layer for layer in layers if isinstance(layer, _REWARDS)]
    made = 0 if spec.kwargs.get("reward", "hard") is None else 1  # by its id, and always the innermost
    lost = [layer for layer in layers if not isinstance(layer, _KNOWN_LAYERS)] + rewards[: len(rewards) - made]
    if lost:
        raise ValueError(f"agents make their environment anew, and {type(lost[0]).__name__} would be lost")
    arguments = {name: value for name, value in spec.kwargs.items() if name not in _REMADE_ANYWAY}
    return EnvironmentSpec(spec.id, arguments)
