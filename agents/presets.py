"""Presets: environments, each with the settings that were found to do well in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from agents.algorithms.losses import LossWeights
from agents.algorithms.schedules import Schedule
from agents.environments import EnvironmentSpec
from glimpse_env.utils.errors import unknown_name_error

_RAM = {"core": "rnn", "hidden_size": 256}
_CENTRED_PATH = ((-0.3, -0.35), (0.3, -0.35), (0.0, 0.0), (-0.3, 0.35), (0.3, 0.35))
"""Five glimpses of 8x8 that cover a digit in the middle of 28x28. An untrained agent looks at the centre, and policy
gradients take millions of images to find as good a path from there. An agent that clones this path first only has to
improve it."""
_EXPLAINABLE: dict[str, Any] = {"exploration_fraction": 0.3, "loss_weights": LossWeights(every_glimpse=True)}
"""Settings of agents that are to be explained: their beliefs mean something after every glimpse, wherever it was taken,
because the classifier learns after every glimpse, and from glimpses that the policy would not choose."""


def _settings() -> dict[str, Any]:
    return {"learning_rate": Schedule(1e-3, 0, "cosine"), "location_std": 0.1, "num_envs": 128}


@dataclass(frozen=True)
class Preset:
    """An environment, an algorithm with its settings, and the length of the training.

    Attributes:
        environment: The environment that the agent learns in.
        algorithm: `"REINFORCE"`, `"A2C"` or `"PPO"`.
        policy_kwargs: Arguments of `agents.RAMPolicy`.
        settings: Fields of `agents.Settings`.
        num_images: How many images (episodes) to train on.
    """

    environment: EnvironmentSpec
    algorithm: str = "REINFORCE"
    policy_kwargs: dict[str, Any] = field(default_factory=lambda: dict(_RAM))
    settings: dict[str, Any] = field(default_factory=_settings)
    num_images: int = 6_000_000


_SMALL_GLIMPSES = {"num_glimpses": 6, "glimpse_size": 8, "num_scales": 1}

PRESETS: dict[str, Preset] = {
    "mnist": Preset(
        EnvironmentSpec("GlimpseMNIST-v0", {}),
        policy_kwargs=_RAM | {"location_size": 128},
        settings=_settings()
        | {"location_std": Schedule(0.1, 0.03), "demonstration_path": _CENTRED_PATH, "warmup_fraction": 0.25},
        num_images=12_000_000,
    ),
    "mnist-explain": Preset(
        EnvironmentSpec("GlimpseMNIST-v0", {}),
        policy_kwargs=_RAM | {"location_size": 128},
        settings=_settings()
        | {
            "location_std": Schedule(0.1, 0.03),
            "demonstration_path": _CENTRED_PATH,
            "warmup_fraction": 0.15,
        }
        | _EXPLAINABLE,
        num_images=3_000_000,
    ),
    "translated": Preset(EnvironmentSpec("GlimpseTranslatedMNIST-v0", {})),
    "cluttered40": Preset(EnvironmentSpec("GlimpseClutteredMNIST-v0", {"canvas_size": 40, **_SMALL_GLIMPSES})),
    "cluttered60": Preset(EnvironmentSpec("GlimpseClutteredMNIST-v0", {})),
    "cluttered100": Preset(EnvironmentSpec("GlimpseClutteredMNIST-v0", {"canvas_size": 100})),
    "digits": Preset(EnvironmentSpec("GlimpseDigits-v0", {}), num_images=500_000),
    "digits-explain": Preset(
        EnvironmentSpec("GlimpseDigits-v0", {}), settings=_settings() | _EXPLAINABLE, num_images=300_000
    ),
    "cluttered-digits": Preset(EnvironmentSpec("GlimpseClutteredDigits-v0", {}), num_images=2_000_000),
}
"""The presets by name."""


def find_preset(name: str) -> Preset:
    """Finds the preset of that name. For the id of an environment, makes one with the default settings of presets.

    Raises:
        ValueError: The name is neither that of a preset nor an id.

    Example:
        >>> find_preset("cluttered100").environment
        EnvironmentSpec(env_id='GlimpseClutteredMNIST-v0', arguments={'canvas_size': 100})
        >>> find_preset("GlimpseKMNIST-v0").environment
        EnvironmentSpec(env_id='GlimpseKMNIST-v0', arguments={})
    """
    if name in PRESETS:
        return PRESETS[name]
    if re.fullmatch(r"([\w.]+:)?Glimpse\w*-v\d+", name):
        return Preset(EnvironmentSpec(name, {}))
    raise unknown_name_error("preset", name, PRESETS)
