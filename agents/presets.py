"""Presets: environments, each with the settings that were found to do well in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from agents.algorithms.losses import LossWeights
from agents.algorithms.schedules import Schedule
from agents.environments import EnvironmentSpec
from glimpse_env.utils.errors import shown, unknown_name_error

_RAM: dict[str, Any] = {"core": "rnn", "hidden_size": 256}
_GRU: dict[str, Any] = {
    "core": "gru",
    "hidden_size": 256,
    "location_size": 128,
    "baseline_size": 128,
    "layer_norm": True,
}
_CENTRED_PATH = ((-0.3, -0.35), (0.3, -0.35), (0.0, 0.0), (-0.3, 0.35), (0.3, 0.35))
"""Five glimpses of 8x8 that cover a digit in the middle of 28x28, drawn by hand, to be cloned first."""
_EXPLAINABLE: dict[str, Any] = {"exploration_fraction": 0.3, "loss_weights": LossWeights(every_glimpse=True)}
"""Settings of agents that are to be explained: their beliefs mean something after every glimpse, wherever it was taken,
because the classifier learns after every glimpse, and from glimpses that the policy would not choose."""


def _settings() -> dict[str, Any]:
    return {"learning_rate": Schedule(1e-3, 0, "cosine"), "location_std": 0.1, "num_envs": 128}


def _branching_settings() -> dict[str, Any]:
    """Large batches, which a GPU takes in about the time of small ones."""
    return {
        "learning_rate": Schedule(4e-3, 0, "cosine"),
        "location_std": Schedule(0.2, 0.05),
        "num_envs": 1024,
        "loss_weights": LossWeights(policy=0.6, every_glimpse=True),
    }


def _small_batches() -> dict[str, Any]:
    """For trainings that are too short for large batches."""
    return _branching_settings() | {"learning_rate": Schedule(2e-3, 0, "cosine"), "num_envs": 128}


@dataclass(frozen=True)
class Preset:
    """An environment, an algorithm with its settings, and the length of the training.

    Attributes:
        environment: The environment that the agent learns in.
        algorithm: `"REINFORCE"`, `"A2C"`, `"PPO"` or `"Branching"`.
        policy_kwargs: Arguments of `agents.RAMPolicy`.
        settings: Fields of `agents.Settings`.
        num_images: How many images (episodes) to train on.
    """

    environment: EnvironmentSpec
    algorithm: str = "REINFORCE"
    policy_kwargs: dict[str, Any] = field(default_factory=lambda: dict(_RAM))
    settings: dict[str, Any] = field(default_factory=_settings)
    num_images: int = 6_000_000


def _branching(env_id: str, **arguments: Any) -> Preset:
    """Looks without a hand-drawn path: branches earn the information reward, which also pays what comes early."""
    environment = EnvironmentSpec(env_id, {"reward": "information", **arguments})
    return Preset(environment, "Branching", dict(_GRU), _branching_settings(), 7_000_000)


def _wide(preset: Preset) -> Preset:
    """A wider network takes twice the time, and leaves a quarter fewer errors on 60x60."""
    policy_kwargs = preset.policy_kwargs | {"hidden_size": 384, "what_size": 256}
    settings = preset.settings | {"learning_rate": Schedule(3e-3, 0, "cosine")}
    return replace(preset, policy_kwargs=policy_kwargs, settings=settings)


def _with_demonstration(num_images: int, **settings: Any) -> Preset:
    """Clones a hand-drawn path first, so that policy gradients only have to improve it."""
    cloning = {"location_std": Schedule(0.1, 0.03), "demonstration_path": _CENTRED_PATH}
    return Preset(
        EnvironmentSpec("GlimpseMNIST-v0", {}),
        policy_kwargs=_RAM | {"location_size": 128},
        settings=_settings() | cloning | settings,
        num_images=num_images,
    )


_SMALL_GLIMPSES = {"num_glimpses": 6, "glimpse_size": 8, "num_scales": 1}
_CLUTTERED = "GlimpseClutteredMNIST-v0"

PRESETS: dict[str, Preset] = {
    "mnist": _branching("GlimpseMNIST-v0"),
    "mnist-demonstration": _with_demonstration(12_000_000, warmup_fraction=0.25),
    "mnist-explain": _with_demonstration(3_000_000, warmup_fraction=0.15, **_EXPLAINABLE),
    "fashion-mnist": _branching("GlimpseFashionMNIST-v0"),
    "kmnist": _branching("GlimpseKMNIST-v0"),
    "cifar10": _branching("GlimpseCIFAR10-v0"),
    "svhn": _branching("GlimpseSVHN-v0"),
    "translated": _wide(_branching("GlimpseTranslatedMNIST-v0")),
    "cluttered40": _branching(_CLUTTERED, canvas_size=40, **_SMALL_GLIMPSES),
    "cluttered60": _wide(_branching(_CLUTTERED)),
    "cluttered100": _wide(_branching(_CLUTTERED, canvas_size=100)),
    "cluttered100-4scales": _branching(_CLUTTERED, canvas_size=100, num_scales=4),
    "digits": Preset(EnvironmentSpec("GlimpseDigits-v0", {}), num_images=500_000),
    "digits-explain": Preset(
        EnvironmentSpec("GlimpseDigits-v0", {}), settings=_settings() | _EXPLAINABLE, num_images=300_000
    ),
    "cluttered-digits": replace(
        _branching("GlimpseClutteredDigits-v0"), settings=_small_batches(), num_images=1_000_000
    ),
}
"""The presets by name."""


def find_preset(name: str) -> Preset:
    """Finds the preset of that name. For the id of an environment, makes one with the default settings of presets.

    Raises:
        TypeError: The name is no string.
        ValueError: The name is neither that of a preset nor an id.

    Example:
        >>> find_preset("cluttered100").environment
        EnvironmentSpec(env_id='GlimpseClutteredMNIST-v0', arguments={'reward': 'information', 'canvas_size': 100})
        >>> find_preset("GlimpseKMNIST-v0").environment
        EnvironmentSpec(env_id='GlimpseKMNIST-v0', arguments={})
    """
    if not isinstance(name, str):
        raise TypeError(f"expected the name of a preset or an id, got {shown(name)}")
    if name in PRESETS:
        return PRESETS[name]
    if re.fullmatch(r"([\w.]+:)?Glimpse\w*-v\d+", name):
        return Preset(EnvironmentSpec(name, {}))
    raise unknown_name_error("preset", name, PRESETS)
