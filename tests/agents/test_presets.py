"""Presets: each makes an agent that learns in its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import agents
import glimpse_env
from agents import PRESETS, find_preset
from agents.environments import EnvironmentSpec
from glimpse_env import IDS, WorldConfig

# Data set, canvas size, distractors, glimpses, glimpse size and scales of each.
WORLDS = {
    "mnist": ("mnist", None, 0, 6, 8, 1),
    "mnist-demonstration": ("mnist", None, 0, 6, 8, 1),
    "mnist-explain": ("mnist", None, 0, 6, 8, 1),
    "fashion-mnist": ("fashion_mnist", None, 0, 6, 8, 1),
    "kmnist": ("kmnist", None, 0, 6, 8, 1),
    "cifar10": ("cifar10", None, 0, 8, 8, 2),
    "svhn": ("svhn", None, 0, 8, 8, 2),
    "translated": ("mnist", 60, 0, 6, 12, 3),
    "cluttered40": ("mnist", 40, 4, 6, 8, 1),
    "cluttered60": ("mnist", 60, 4, 8, 12, 3),
    "cluttered100": ("mnist", 100, 4, 8, 12, 3),
    "cluttered100-4scales": ("mnist", 100, 4, 8, 12, 4),
    "digits": ("digits", None, 0, 6, 8, 1),
    "digits-explain": ("digits", None, 0, 6, 8, 1),
    "cluttered-digits": ("digits", 40, 4, 6, 8, 1),
}


def load_colours(split: str, data_dir: Path) -> Any:
    """Ten images of 32x32 RGB noise: what CIFAR-10 and SVHN look like to an agent, without a download."""
    images = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)
    return images, np.arange(10), [f"class {label}" for label in range(10)]


glimpse_env.register_dataset("test-colours", load_colours)


def test_only_demonstrations_use_a_hand_drawn_path() -> None:
    with_path = {name for name, preset in PRESETS.items() if preset.settings.get("demonstration_path")}
    assert with_path == {"mnist-demonstration", "mnist-explain"}


def test_every_preset_is_tested() -> None:
    assert set(PRESETS) == set(WORLDS)


@pytest.mark.parametrize("name", WORLDS)
def test_preset_makes_its_world(name: str) -> None:
    environment = PRESETS[name].environment
    arguments = IDS[environment.env_id] | environment.arguments
    arguments.pop("reward", None)
    config = WorldConfig(**arguments)
    found = (config.dataset, config.canvas_size, config.num_distractors)
    assert (*found, config.num_glimpses, config.glimpse_size, config.num_scales) == WORLDS[name]


@pytest.mark.parametrize("name", WORLDS)
def test_preset_makes_an_agent_that_learns(name: str) -> None:
    preset = PRESETS[name]
    if "digits" not in name:  # needs no download, whatever the preset
        arguments = IDS[preset.environment.env_id] | preset.environment.arguments
        colour = arguments.get("dataset") in ("cifar10", "svhn")
        arguments["dataset"] = "test-colours" if colour else "digits"
        environment = EnvironmentSpec("Glimpse-v0", arguments)
    else:
        environment = preset.environment
    agent = agents.ALGORITHMS[preset.algorithm](
        environment.make(), policy_kwargs=preset.policy_kwargs, device="cpu", **preset.settings | {"num_envs": 2}
    )
    agent.learn(2 * agent.num_glimpses)
    assert agent.num_timesteps == 2 * agent.num_glimpses
    assert preset.num_images > 0


@pytest.mark.parametrize("name", ["mnist-explain", "digits-explain"])
def test_agents_to_be_explained_learn_after_every_glimpse_and_everywhere(name: str) -> None:
    settings = PRESETS[name].settings
    assert settings["loss_weights"].every_glimpse
    assert settings["exploration_fraction"] == 0.3


@pytest.mark.parametrize("env_id", [*IDS, "glimpse_env:GlimpseMNIST-v0"])
def test_an_id_is_a_preset_with_default_settings(env_id: str) -> None:
    assert find_preset(env_id).environment.env_id == env_id


def test_find_preset_finds_by_name_and_suggests_similar_names() -> None:
    assert find_preset("digits") is PRESETS["digits"]
    with pytest.raises(ValueError, match="Did you mean 'cluttered40'"):
        find_preset("cluterd40")
