"""Trains an algorithm of Stable-Baselines3 or sb3-contrib on the reward alone, and measures its accuracy.

python scripts/train_sb3.py
python scripts/train_sb3.py RecurrentPPO GlimpseMNIST-v0 --reward information --minutes 60
python scripts/train_sb3.py PPO --grid 4
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import tyro
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

import agents
from agents import RunFolder
from glimpse_env import DatasetError

MODEL = "model.zip"
TEST_ENVS = 500


@dataclass(frozen=True)
class Recipe:
    """An algorithm, and settings with which it learns here."""

    algorithm: type[BaseAlgorithm]
    num_envs: int
    """Number of sub-environments."""
    settings: dict[str, Any]
    """Arguments of the algorithm."""
    policy: str = "MultiInputPolicy"
    policy_kwargs: dict[str, Any] = field(default_factory=dict)
    """Arguments of the policy, except the features extractor."""
    features: dict[str, Any] = field(default_factory=dict)
    """Arguments of `agents.GlimpseFeatures`."""
    rollout_setting: str = "n_steps"
    """The argument that sets the steps of the environment between two updates. It is set to those of an episode."""


# The first standard deviation is exp(-2.3) = 0.1. With a larger one, noise in the logits decides the answer for long.
_GAUSSIAN = {"net_arch": [], "log_std_init": -2.3}

RECIPES = {
    "PPO": Recipe(
        PPO,
        num_envs=256,
        settings={"learning_rate": 3e-3, "batch_size": 768, "n_epochs": 4, "gamma": 1.0},
        policy_kwargs=_GAUSSIAN,
    ),
    # A2C takes one step per rollout, and does not clip how far it goes. With a learning rate of 1e-3 it learns nothing.
    "A2C": Recipe(
        A2C,
        num_envs=128,
        settings={"learning_rate": 1e-4, "gamma": 1.0, "use_rms_prop": False, "normalize_advantage": True},
        policy_kwargs=_GAUSSIAN,
    ),
    "SAC": Recipe(
        SAC,
        num_envs=64,
        # This policy has no memory, so it cannot predict the rewards of later steps.
        settings={
            "learning_rate": 1e-3,
            "batch_size": 1024,
            "gradient_steps": 12,
            "learning_starts": 2000,
            "ent_coef": 0.01,
            "gamma": 0.0,
        },
        policy_kwargs={"net_arch": {"pi": [], "qf": [128, 128]}},
        features={"what_size": 64, "where_size": 32, "size": 128},
        rollout_setting="train_freq",
    ),
    "RecurrentPPO": Recipe(
        RecurrentPPO,
        num_envs=256,
        settings={"learning_rate": 3e-3, "batch_size": 768, "n_epochs": 4, "gamma": 1.0},
        policy="MultiInputLstmPolicy",
        policy_kwargs=_GAUSSIAN | {"lstm_hidden_size": 128, "shared_lstm": True, "enable_critic_lstm": False},
        features={"what_size": 64, "where_size": 64, "size": 128},
    ),
}
"""Recipes for the flat Box of actions, from which these algorithms draw with a Gaussian."""

GRID_RECIPES = {
    "PPO": RECIPES["PPO"],
    "A2C": Recipe(A2C, num_envs=256, settings={"learning_rate": 3e-3, "gamma": 1.0}, policy_kwargs={"net_arch": []}),
    "RecurrentPPO": RECIPES["RecurrentPPO"],
}
"""Recipes for `DiscreteActions`, which SAC does not support."""


@dataclass(frozen=True)
class Arguments:
    """Trains an algorithm of Stable-Baselines3 or sb3-contrib on the reward alone, and measures its accuracy.

    No label trains the classifier: the logits are drawn and rewarded like the locations. Writes the model and its
    evaluation on the test split into a run folder.
    """

    algorithm: tyro.conf.Positional[Literal["PPO", "A2C", "SAC", "RecurrentPPO"]] = "RecurrentPPO"
    """Algorithm. Only RecurrentPPO has a memory of earlier glimpses."""
    env: tyro.conf.Positional[str] = "GlimpseDigits-v0"
    """The id of a glimpse environment."""
    reward: Literal["hard", "entropy", "information", "anytime"] = "hard"
    """hard: 1 for a correct answer at the end. The others also reward the belief after every glimpse, entropy for being
    certain, information for the probability of the true class, anytime for the same, the sooner the better."""
    grid: int | None = None
    """Discrete actions: one of GRID x GRID locations, and one class. Not with SAC, and with the hard reward only. By
    default locations and logits are continuous."""
    seed: int = 0
    """Seed of everything that is random."""
    minutes: float = 10.0
    """Time to train."""
    run_folder: Path | None = None
    """Run folder; by default a folder in runs/ that is named after the arguments."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains and measures. An error of the user is one line of text and exit status 1."""
    options = tyro.cli(Arguments, args=arguments)
    try:
        train(options)
    except (DatasetError, gym.error.Error, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


def train(options: Arguments) -> None:
    """Trains and measures a model, and writes both results.

    Raises:
        ValueError: An argument is out of range.
    """
    recipe = (RECIPES if options.grid is None else GRID_RECIPES).get(options.algorithm)
    if recipe is None:
        raise ValueError(f"{options.algorithm} has no categorical policy for discrete actions: leave out --grid")
    if not options.minutes > 0:
        raise ValueError(f"expected --minutes to be above 0, got {options.minutes}")
    model = make_model(recipe, make_env(options, recipe.num_envs), options.seed)
    name = "-".join([options.env.replace(":", "-"), options.algorithm, options.reward])
    run = RunFolder(options.run_folder or Path("runs", f"{name}-seed{options.seed}".lower()), MODEL)
    run.path.mkdir(parents=True, exist_ok=True)
    limit = TimeLimit(60 * options.minutes)
    try:
        model.learn(sys.maxsize, limit)
    finally:
        limit.close()
    model.save(run.agent)
    evaluation = agents.evaluate(model, make_env(options, TEST_ENVS, split="test").native)
    report = {
        "algorithm": options.algorithm,
        "environment": {"id": options.env, "arguments": {"reward": options.reward}},
        "grid": options.grid,
        "num_timesteps": model.num_timesteps,
        "split": "test",
        "location_policies": {"learned policy": evaluation.to_json()},
    }
    run.evaluation.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(
        f"{evaluation.accuracy[-1]:.2%} of {evaluation.num_images:,} test images are correct after "
        f"{model.num_timesteps:,} steps. Everything is in {run.path}."
    )


def make_env(options: Arguments, num_envs: int, **arguments: Any) -> agents.GlimpseVecEnv:
    """Makes the vector environment, for Stable-Baselines3."""
    return agents.make_sb3_env(options.env, num_envs, options.grid, reward=options.reward, **arguments)


def make_model(recipe: Recipe, env: agents.GlimpseVecEnv, seed: int) -> BaseAlgorithm:
    """Makes an untrained model, which learns from one episode in every sub-environment at a time."""
    native: Any = env.native.unwrapped
    features = {"features_extractor_class": agents.GlimpseFeatures, "features_extractor_kwargs": recipe.features}
    settings = recipe.settings | {recipe.rollout_setting: native.world.config.num_glimpses}
    return recipe.algorithm(recipe.policy, env, policy_kwargs=recipe.policy_kwargs | features, seed=seed, **settings)


class TimeLimit(BaseCallback):
    """Ends the training after some time, and shows until then how much is left, and the recent accuracy.

    Stable-Baselines3 does not tell callbacks when a training ends by an error, so whoever trains calls `close`.

    Args:
        seconds: How long to train.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self._bar = tqdm(total=seconds, bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s{postfix}")

    def _on_training_start(self) -> None:
        self._start = time.monotonic()

    def _on_step(self) -> bool:
        passed = time.monotonic() - self._start
        self._bar.set_postfix(steps=f"{self.num_timesteps:,}", refresh=False)
        self._bar.update(min(passed, self.seconds) - self._bar.n)
        return passed < self.seconds

    def _on_rollout_start(self) -> None:
        if self.model.ep_success_buffer:
            accuracy = np.mean(self.model.ep_success_buffer)
            self._bar.set_description(f"accuracy {accuracy:.1%}", refresh=False)

    def close(self) -> None:
        """Closes the bar."""
        self._bar.close()


if __name__ == "__main__":
    main()
