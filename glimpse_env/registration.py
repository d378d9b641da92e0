"""The environments' ids, and the factories that Gymnasium makes them with."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv

from glimpse_env.config import check_names
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
from glimpse_env.utils.errors import unknown_name_error
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
"""By name: the wrapper of one environment, and that of a vector of them."""


_MAKE = ["reward", "reward_weight", "render_mode"]


def make_env(reward: str | None = "hard", reward_weight: float = DEFAULT_WEIGHT, **arguments: Any) -> gym.Env[Any, Any]:
    """Makes a `GlimpseEnv` that pays; `gym.make` calls this.

    Args:
        reward: `"hard"`, `"entropy"`, `"information"`, `"anytime"`, or None for the bare environment.
        reward_weight: Weight of what all but the first add to the hard reward.
        **arguments: As of `GlimpseEnv`.

    Raises:
        TypeError: The weight is no number, or anything that `GlimpseEnv` refuses.
        ValueError: The reward is unknown, the weight is not finite, or anything that `GlimpseEnv` refuses.
        DatasetError: The data are missing and cannot be downloaded, or are damaged.
    """
    check_names(arguments, also=_MAKE)
    wrap = _reward_wrapper(reward, reward_weight, vector=False)
    env: gym.Env[Any, Any] = wrap(GlimpseEnv(**arguments))
    return env


def make_vector_env(
    reward: str | None = "hard", reward_weight: float = DEFAULT_WEIGHT, **arguments: Any
) -> VectorEnv[Any, Any, Any]:
    """Makes a `GlimpseVectorEnv` that pays; `gym.make_vec` calls this. Arguments and errors as for `make_env`."""
    check_names(arguments, also=[*_MAKE, "num_envs", "device"])
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


def _reward_wrapper(reward: str | None, weight: float, *, vector: bool) -> Any:
    weight = read_weight(weight)
    if reward is None:
        return lambda env: env
    if not isinstance(reward, str) or reward not in REWARDS:
        raise unknown_name_error("reward", reward, REWARDS)
    wrapper = REWARDS[reward][vector]
    return wrapper if reward == "hard" else lambda env: wrapper(env, weight=weight)
