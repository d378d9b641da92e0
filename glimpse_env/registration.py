"""The environments' ids, and the factories that Gymnasium makes them with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv

from glimpse_env.config import WorldConfig
from glimpse_env.environment import GlimpseEnv
from glimpse_env.names import unknown_name_error
from glimpse_env.reward_wrappers import (
    DEFAULT_WEIGHT,
    EntropyShapedReward,
    HardAttentionReward,
    InformationGainReward,
    VectorEntropyShapedReward,
    VectorHardAttentionReward,
    VectorInformationGainReward,
)
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

_REWARDS: dict[str, Any] = {
    "hard": (HardAttentionReward, VectorHardAttentionReward),
    "entropy": (EntropyShapedReward, VectorEntropyShapedReward),
    "information": (InformationGainReward, VectorInformationGainReward),
}


def make_env(reward: str | None = "hard", reward_weight: float = DEFAULT_WEIGHT, **arguments: Any) -> gym.Env[Any, Any]:
    """Makes a `GlimpseEnv` that pays; `gym.make` calls this.

    Args:
        reward: `"hard"`, `"entropy"`, `"information"`, or None for the bare environment.
        reward_weight: Weight of what the latter two add to the hard reward.
        **arguments: As of `GlimpseEnv`.

    Raises:
        ValueError: The reward is unknown, or anything that `GlimpseEnv` refuses.
    """
    _check_names(arguments, vector=False)
    wrap = _reward_wrapper(reward, reward_weight, vector=False)
    env: gym.Env[Any, Any] = wrap(GlimpseEnv(**arguments))
    return env


def make_vector_env(
    reward: str | None = "hard", reward_weight: float = DEFAULT_WEIGHT, **arguments: Any
) -> VectorEnv[Any, Any, Any]:
    """Makes a `GlimpseVectorEnv` that pays; `gym.make_vec` calls this. Arguments and errors as for `make_env`."""
    _check_names(arguments, vector=True)
    wrap = _reward_wrapper(reward, reward_weight, vector=True)
    envs: VectorEnv[Any, Any, Any] = wrap(GlimpseVectorEnv(**arguments))
    return envs


def register_ids() -> None:
    """Tells Gymnasium of all ids; importing `glimpse_env` does it."""
    for env_id, arguments in IDS.items():
        gym.register(
            env_id,
            entry_point=ENTRY_POINT,
            vector_entry_point=VECTOR_ENTRY_POINT,
            kwargs=arguments,
            # The environment itself refuses to step before reset, and says so.
            order_enforce=False,
        )


def _check_names(arguments: Iterable[str], *, vector: bool) -> None:
    known = [field.name for field in fields(WorldConfig)] + ["reward", "reward_weight", "render_mode"]
    if vector:
        known += ["num_envs", "device"]
    for name in arguments:
        if name not in known:
            raise unknown_name_error("argument", name, known)


def _reward_wrapper(reward: str | None, weight: float, *, vector: bool) -> Any:
    if reward is None:
        return lambda env: env
    if not isinstance(reward, str) or reward not in _REWARDS:
        raise unknown_name_error("reward", reward, _REWARDS)
    wrapper = _REWARDS[reward][vector]
    return wrapper if reward == "hard" else lambda env: wrapper(env, weight=weight)
