"""Every id and many arguments pass the environment checkers of Gymnasium and Stable-Baselines3, without a warning."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3.common.env_checker
from gymnasium.utils import env_checker

import glimpse_env
from glimpse_env import DatasetError, load_dataset, register_dataset

GYMNASIUM_ADVICE = (
    "For Box action spaces, we recommend using a symmetric and normalized space",  # logits go up to 20
    "is different from the unwrapped version",  # the reward is a wrapper
)
STABLE_BASELINES_ADVICE = (
    # A glimpse has the shape of an image, but is none for its CNN policy.
    "It seems that your observation glimpse is an image but its `dtype` is (float32)",
    "It seems that your observation space glimpse is an image but the upper and lower bounds are not in [0, 255]",
    "The minimal resolution for an image is 36x36",
    "We recommend you to use a symmetric and normalized Box action space",
)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


@pytest.fixture
def colours() -> str:
    """A data set of 32x32 RGB images with three classes."""

    def load(split: str, data_dir: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
        rng = np.random.default_rng(len(split))
        return rng.integers(0, 256, (7, 32, 32, 3), dtype=np.uint8), np.arange(7) % 3, ["red", "green", "blue"]

    register_dataset("colours", load)
    return "colours"


def unexpected_warnings(check: Callable[..., None], env: gym.Env[Any, Any], advice: tuple[str, ...]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(env)
    messages = [str(warning.message) for warning in caught]
    return [message for message in messages if not any(known in message for known in advice)]


def assert_passes_checkers(env: gym.Env[Any, Any]) -> None:
    assert not unexpected_warnings(env_checker.check_env, env, GYMNASIUM_ADVICE)
    check = stable_baselines3.common.env_checker.check_env
    assert not unexpected_warnings(check, env, STABLE_BASELINES_ADVICE)


@pytest.mark.parametrize("env_id", glimpse_env.IDS)
def test_every_id_passes_the_checkers(env_id: str, request: pytest.FixtureRequest, no_network: None) -> None:
    dataset = glimpse_env.IDS[env_id].get("dataset", "mnist")
    if dataset == "mnist":
        request.getfixturevalue("mnist_dir")
    try:
        load_dataset(dataset)
    except DatasetError as error:
        if "lacks" not in str(error):
            raise
        pytest.skip(f"needs data: {error}")
    env = gym.make(env_id)
    assert_passes_checkers(env)
    assert_passes_checkers(gym.make(env_id, reward=None).unwrapped)


@pytest.mark.parametrize(
    "arguments",
    [
        {"dataset": "digits", "reward": "entropy"},
        {"dataset": "digits", "reward": "information", "split": "test"},
        {"dataset": "digits", "num_glimpses": 1, "glimpse_size": 5, "initial_location": (0, 0)},
        {"dataset": "colours", "num_glimpses": 8, "num_scales": 2},
        {"dataset": "colours", "canvas_size": 40, "num_distractors": 2, "render_mode": "rgb_array"},
    ],
)
def test_arguments_and_own_data_pass_the_checkers(arguments: dict[str, Any], colours: str) -> None:
    assert_passes_checkers(gym.make("Glimpse-v0", **arguments))


def test_own_rgb_data_set(colours: str) -> None:
    env = gym.make("Glimpse-v0", dataset=colours, num_scales=2, num_glimpses=2, render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    assert observation["glimpse"].shape == (6, 8, 8)
    assert env.action_space.shape == (2 + 3,)
    for _ in range(2):
        observation, _, terminated, _, info = env.step(env.action_space.sample())
    assert terminated
    assert 0 <= info["label"] < 3
    frame = env.render()
    assert isinstance(frame, np.ndarray)
    assert frame.dtype == np.uint8


def test_gym_make_imports_the_package() -> None:
    code = (
        "import sys, gymnasium as gym\n"
        "assert 'glimpse_env' not in sys.modules\n"
        "env = gym.make('glimpse_env:GlimpseDigits-v0')\n"
        "print(env.reset(seed=0)[0]['glimpse'].shape)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout == "(1, 8, 8)\n", result.stderr
