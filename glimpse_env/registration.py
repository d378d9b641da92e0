"""The ids of the environments, and the factories that Gymnasium calls to make them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from importlib import import_module
from typing import Any

import gymnasium as gym
from gymnasium.error import DependencyNotInstalled
from gymnasium.vector import VectorEnv
from gymnasium.wrappers import HumanRendering

from glimpse_env.config import WorldConfig, check_render_mode
from glimpse_env.environment import GlimpseEnv
from glimpse_env.reward_wrappers import (
    AnytimeReward,
    EntropyShapedReward,
    HardAttentionReward,
    InformationGainReward,
    VectorAnytimeReward,
    VectorEntropyShapedReward,
    VectorHardAttentionReward,
    VectorInformationGainReward,
)
from glimpse_env.rewards import DEFAULT_WEIGHT, read_weight
from glimpse_env.utils.errors import unexpected_argument_error, unknown_name_error
from glimpse_env.vector import GlimpseVectorEnv

_TRANSLATED = {"num_glimpses": 6, "glimpse_size": 12, "num_scales": 3, "canvas_size": 60}
_RGB = {"num_glimpses": 8, "glimpse_size": 8, "num_scales": 2}

ENTRY_POINT = "glimpse_env.registration:make_env"
VECTOR_ENTRY_POINT = "glimpse_env.registration:make_vector_env"

IDS: dict[str, dict[str, Any]] = {
    "Glimpse-v0": {},
    "GlimpseMNIST-v0": {"dataset": "mnist"},
    "GlimpseFashionMNIST-v0": {"dataset": "fashion_mnist"},
    "GlimpseKMNIST-v0": {"dataset": "kmnist"},
    "GlimpseTranslatedMNIST-v0": {"dataset": "mnist", **_TRANSLATED},
    "GlimpseClutteredMNIST-v0": {"dataset": "mnist", **_TRANSLATED, "num_glimpses": 8, "num_distractors": 4},
    "GlimpseCIFAR10-v0": {"dataset": "cifar10", **_RGB},
    "GlimpseSVHN-v0": {"dataset": "svhn", **_RGB},
    "GlimpseDigits-v0": {"dataset": "digits"},
    "GlimpseClutteredDigits-v0": {"dataset": "digits", "canvas_size": 40, "num_distractors": 4},
}
"""The ids, each with the arguments that differ from `WorldConfig`'s defaults. `Glimpse-v0` takes any `dataset`."""

REWARDS: dict[str, Any] = {
    "hard": (HardAttentionReward, VectorHardAttentionReward),
    "entropy": (EntropyShapedReward, VectorEntropyShapedReward),
    "information": (InformationGainReward, VectorInformationGainReward),
    "anytime": (AnytimeReward, VectorAnytimeReward),
}
"""The wrappers of each reward function by name: for a single environment, and for a vector environment."""


def make_env(
    reward: str | None = "hard", reward_weight: float = DEFAULT_WEIGHT, render_mode: str | None = None, **arguments: Any
) -> gym.Env[Any, Any]:
    """Makes a `GlimpseEnv` that pays; `gym.make` calls this.

    Args:
        reward: `"hard"`, `"entropy"`, `"information"`, `"anytime"`, or None for the bare environment.
        reward_weight: Weight of what all but the first add to the hard reward.
        render_mode: None, `"rgb_array"`, or `"human"` for a window.
        **arguments: As of `GlimpseEnv`.

    Raises:
        TypeError: An argument is unknown, the weight is no number, or anything that `GlimpseEnv` refuses.
        ValueError: The reward is unknown, the weight is not in [-1e6, 1e6], or anything that `GlimpseEnv` refuses.
        DatasetError: The data are missing and cannot be downloaded, or are damaged.
        DependencyNotInstalled: A window needs pygame, which is missing.
    """
    _check_names("make_env", arguments)
    check_render_mode(render_mode, ["rgb_array", "human"])
    wrap = _reward_wrapper(reward, reward_weight, vector=False)
    if render_mode != "human":
        paid: gym.Env[Any, Any] = wrap(GlimpseEnv(render_mode=render_mode, **arguments))
        return paid
    _check_pygame()
    return HumanRendering(wrap(GlimpseEnv(render_mode="rgb_array", **arguments)))


def make_vector_env(
    reward: str | None = "hard", reward_weight: float = DEFAULT_WEIGHT, **arguments: Any
) -> VectorEnv[Any, Any, Any]:
    """Makes a `GlimpseVectorEnv` that pays; `gym.make_vec` calls this.

    Arguments and errors are those of `make_env`, except that there is no window.
    """
    _check_names("make_vector_env", arguments, also=["num_envs", "device", "autoreset_mode", "episodes_per_image"])
    wrap = _reward_wrapper(reward, reward_weight, vector=True)
    paid: VectorEnv[Any, Any, Any] = wrap(GlimpseVectorEnv(**arguments))
    return paid


def check_arguments(arguments: dict[str, Any]) -> WorldConfig:
    """Checks what makes a world and its rewards, without making either.

    Raises:
        TypeError: As of `make_env`.
        ValueError: As of `make_env`.
    """
    _reward_wrapper(arguments.get("reward", "hard"), arguments.get("reward_weight", DEFAULT_WEIGHT), vector=True)
    names = {field.name for field in fields(WorldConfig)}
    return WorldConfig(**{name: value for name, value in arguments.items() if name in names})


def register_ids() -> None:
    """Registers all ids with Gymnasium; importing `glimpse_env` does it."""
    for env_id, arguments in IDS.items():
        gym.register(
            env_id,
            entry_point=ENTRY_POINT,
            vector_entry_point=VECTOR_ENTRY_POINT,
            kwargs=arguments,
            # The environment itself raises ResetNeeded when it is stepped before reset.
            order_enforce=False,
        )


def _check_names(function: str, arguments: Iterable[str], also: Sequence[str] = ()) -> None:
    known = [field.name for field in fields(WorldConfig)] + ["reward", "reward_weight", "render_mode", *also]
    for name in arguments:
        if name not in known:
            raise unexpected_argument_error(function, name, known)


def _check_pygame() -> None:
    try:
        import_module("pygame")
    except ImportError as error:
        raise DependencyNotInstalled(
            'render_mode="human" needs pygame: run `pip install "glimpse-env[human]"`'
        ) from error


def _reward_wrapper(reward: str | None, weight: float, *, vector: bool) -> Any:
    weight = read_weight(weight)
    if reward is None:
        return lambda env: env
    if not isinstance(reward, str) or reward not in REWARDS:
        raise unknown_name_error("reward", reward, REWARDS)
    wrapper = REWARDS[reward][vector]
    return wrapper if reward == "hard" else lambda env: wrapper(env, weight=weight)
