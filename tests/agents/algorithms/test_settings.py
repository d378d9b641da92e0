"""Settings and agents' descriptions: through JSON and back, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents import LossWeights, PPOSettings, Schedule, Settings
from agents.algorithms.settings import AgentSpec
from agents.environments import EnvironmentSpec


def describe(settings: Settings, **changes: Any) -> AgentSpec:
    spec = AgentSpec(
        environment=EnvironmentSpec("GlimpseDigits-v0", {"reward": "entropy", "num_glimpses": 3}),
        glimpse_shape=(1, 8, 8),
        num_classes=10,
        policy_kwargs={"core": "lstm", "hidden_size": 16},
        settings=settings,
        seed=3,
    )
    return replace(spec, **changes)


NUMBERS = "a number, a first and a last number, or an agents.Schedule"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(
            learning_rate=Schedule(1e-3, 1e-5, "cosine"),
            location_std=Schedule(0.2, 0.05),
            demonstration_path=((0.0, 0.5), (-1.0, 1.0)),
            warmup_fraction=0.3,
            exploration_fraction=0.25,
            num_envs=7,
            loss_weights=LossWeights(policy=0.3, baseline=0.5, every_glimpse=True),
            max_grad_norm=0.5,
            precision="bfloat16",
        ),
        PPOSettings(n_epochs=2, batch_size=17, clip_range=0.1, gae_lambda=0.9),
    ],
)
def test_a_description_survives_json(settings: Settings) -> None:
    spec = describe(settings)
    parts = json.loads(json.dumps(spec.to_json()))
    assert AgentSpec.from_json(parts, lambda read: type(settings)(**read)) == spec


def test_numbers_become_schedules() -> None:
    settings = Settings(learning_rate=1e-2, location_std=np.float64(0.5))
    assert settings.learning_rate == Schedule(0.01, 0.01)
    assert settings.location_std == Schedule(0.5, 0.5)


@pytest.mark.parametrize("pair", [(0.2, 0.1), [0.2, 0.1]])
def test_two_numbers_are_a_linear_schedule(pair: Any) -> None:
    assert Settings(location_std=pair).location_std == Schedule(0.2, 0.1, "linear")


def test_loss_weights_can_be_a_dict() -> None:
    assert Settings(loss_weights={"policy": 0.5}).loss_weights == LossWeights(policy=0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("learning_rate", "fast", TypeError, f"expected learning_rate to be {NUMBERS}, got 'fast'"),
        ("learning_rate", (1e-3, 1e-4, 0), TypeError, f"expected learning_rate to be {NUMBERS}"),
        ("learning_rate", (1e-3, "slow"), TypeError, "expected end to be .*number.* got 'slow'"),
        ("learning_rate", -1e-3, ValueError, "expected learning_rate not to be negative"),
        ("learning_rate", float("nan"), ValueError, "expected learning_rate to be a number in .* got nan"),
        ("learning_rate", 1e39, ValueError, "expected learning_rate to be a number in .* got 1e\\+39"),
        ("learning_rate", Schedule(1e-3, -1e-3), ValueError, "expected learning_rate not to be negative"),
        ("location_std", lambda left: 0.1, TypeError, f"expected location_std to be {NUMBERS}"),
        ("location_std", -0.1, ValueError, "expected location_std not to be negative"),
        ("location_std", 0, ValueError, "expected location_std to stay above 1e-06"),
        ("location_std", Schedule(0.2, 0.0), ValueError, "expected location_std to stay above 1e-06"),
        ("loss_weights", {"policy": -0.1}, ValueError, "expected the loss weight policy to be a number in"),
        (
            "demonstration_path",
            ((0.0, 1.5),),
            ValueError,
            r"expected demonstration_path to consist of locations, two numbers \(x, y\) in \[-1, 1\]",
        ),
        ("warmup_fraction", 1.5, ValueError, r"expected warmup_fraction to be a number in \[0, 1\], got 1.5"),
        (
            "exploration_fraction",
            -0.1,
            ValueError,
            r"expected exploration_fraction to be a number in .* got -0.1",
        ),
        ("num_envs", 0, ValueError, "expected num_envs to be at least 1, got 0"),
        ("num_envs", 2.5, TypeError, "expected num_envs to be an integer, got 2.5"),
        ("num_envs", "many", TypeError, "expected num_envs to be an integer, got 'many'"),
        ("max_grad_norm", 0.0, ValueError, "expected max_grad_norm to be positive, got 0.0"),
        ("max_grad_norm", float("nan"), ValueError, "expected max_grad_norm to be a number in .*, got nan"),
        ("precision", "float16", ValueError, "Unknown precision 'float16'. Did you mean 'bfloat16'"),
    ],
)
def test_bad_settings_are_refused(name: str, value: Any, error: type[Exception], message: str) -> None:
    for settings_class in (Settings, PPOSettings):
        with pytest.raises(error, match=message):
            settings_class(**{name: value})


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("n_epochs", 0, ValueError, "expected n_epochs to be at least 1, got 0"),
        ("n_epochs", 1.5, TypeError, "expected n_epochs to be an integer"),
        ("batch_size", -1, ValueError, "expected batch_size to be at least 1, got -1"),
        ("clip_range", 0.0, ValueError, "expected clip_range to be positive, got 0.0"),
        ("gae_lambda", 1.1, ValueError, r"expected gae_lambda to be a number in \[0, 1\], got 1.1"),
        ("gae_lambda", -0.1, ValueError, r"expected gae_lambda to be a number in \[0, 1\], got -0.1"),
    ],
)
def test_bad_settings_of_ppo_are_refused(name: str, value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        PPOSettings(**{name: value})


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": EnvironmentSpec("GlimpseDigits-v0", {"initial_location": np.zeros(2)})},
        {"policy_kwargs": {"hidden_size": np.int64(16)}},
        {"seed": np.int64(3)},
    ],
)
def test_what_could_not_be_saved_is_refused_before_any_training(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="which can be saved"):
        describe(Settings(), **changes)
