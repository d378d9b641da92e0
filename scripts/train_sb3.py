"""Trains an algorithm of Stable-Baselines3 or sb3-contrib by reward alone, and measures it on the whole test split.

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
from glimpse_env import DatasetError

MODEL, EVALUATION = "model.zip", "evaluation.json"
TEST_ENVS = 500


@dataclass(frozen=True)
class Recipe:
    """With which settings an algorithm learns here."""

    algorithm: type[BaseAlgorithm]
    num_envs: int
    """Copies of the environment."""
    settings: dict[str, Any]
    """Arguments of the algorithm."""
    policy: str = "MultiInputPolicy"
    policy_kwargs: dict[str, Any] = field(default_factory=dict)
    """Arguments of the policy, besides the features extractor."""
    features: dict[str, Any] = field(default_factory=dict)
    """Arguments of `agents.GlimpseFeatures`."""
    rollout_setting: str = "n_steps"
    """The argument that says after how many steps of the environment it learns; here a whole episode."""


# Standard deviation exp(-2.3) = 0.1 at first: with more, noise decides on the class for long.
_GAUSSIAN = {"net_arch": [], "log_std_init": -2.3}

RECIPES = {
    "PPO": Recipe(
        PPO,
        num_envs=256,
        settings={"learning_rate": 3e-3, "batch_size": 768, "n_epochs": 4, "gamma": 1.0},
        policy_kwargs=_GAUSSIAN,
    ),
    # It takes one step a rollout, and nothing holds that step back: with a learning rate of 1e-3 it learns nothing.
    "A2C": Recipe(
        A2C,
        num_envs=128,
        settings={"learning_rate": 1e-4, "gamma": 1.0, "use_rms_prop": False, "normalize_advantage": True},
        policy_kwargs=_GAUSSIAN,
    ),
    "SAC": Recipe(
        SAC,
        num_envs=64,
        # It remembers nothing, so a step can only be worth what it earns at once.
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
"""For actions that are drawn from a Gaussian."""

GRID_RECIPES = {
    "PPO": RECIPES["PPO"],
    "A2C": Recipe(A2C, num_envs=256, settings={"learning_rate": 3e-3, "gamma": 1.0}, policy_kwargs={"net_arch": []}),
    "RecurrentPPO": RECIPES["RecurrentPPO"],
}
"""For actions that are numbered, which SAC cannot choose among."""


@dataclass(frozen=True)
class Arguments:
    """Trains an algorithm of Stable-Baselines3 or sb3-contrib by reward alone, and measures it on the test split.

    No label teaches the classifier: the logits are drawn and rewarded like the locations. A run folder holds the
    model and its evaluation.
    """

    algorithm: tyro.conf.Positional[Literal["PPO", "A2C", "SAC", "RecurrentPPO"]] = "RecurrentPPO"
    """How it learns; only RecurrentPPO remembers earlier glimpses."""
    env: tyro.conf.Positional[str] = "GlimpseDigits-v0"
    """The id of a glimpse environment."""
    reward: Literal["hard", "entropy", "information", "anytime"] = "hard"
    """What is rewarded: being right at the end, also being sure, also being rightly sure, also being so soon."""
    grid: int | None = None
    """Choose among so many columns and rows of locations, and name one class, instead of drawing both from a Gaussian;
    not for SAC, and with the hard reward only."""
    seed: int = 0
    """Of everything that is random."""
    minutes: float = 10.0
    """Budget: how long to train."""
    run_folder: Path | None = None
    """Where everything is kept; by default a folder in runs/ that is named after the arguments."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains and measures; whatever the user can mend ends in one line of error."""
    options = tyro.cli(Arguments, args=arguments)
    try:
        run(options)
    except (DatasetError, gym.error.Error, OSError, ValueError) as error:
        tqdm.write(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def run(options: Arguments) -> None:
    """Trains, measures, and writes down both."""
    recipe = (RECIPES if options.grid is None else GRID_RECIPES).get(options.algorithm)
    if recipe is None:
        raise ValueError(f"{options.algorithm} cannot choose among numbered actions: leave out --grid")
    if not options.minutes > 0:
        raise ValueError(f"expected --minutes to be above 0, got {options.minutes}")
    model = make_model(recipe, make_env(options, recipe.num_envs), options.seed)
    name = "-".join([options.env.replace(":", "-"), options.algorithm, options.reward])
    folder = options.run_folder or Path("runs", f"{name}-seed{options.seed}".lower())
    folder.mkdir(parents=True, exist_ok=True)
    model.learn(sys.maxsize, Clock(60 * options.minutes))
    model.save(folder / MODEL)
    evaluation = agents.evaluate(model, make_env(options, TEST_ENVS, split="test").native)
    report = {
        "algorithm": options.algorithm,
        "environment": {"id": options.env, "arguments": {"reward": options.reward}},
        "grid": options.grid,
        "num_timesteps": model.num_timesteps,
        "split": "test",
        "looks": {"its own": evaluation.to_json()},
    }
    (folder / EVALUATION).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(
        f"{evaluation.accuracy[-1]:.2%} of {evaluation.num_images:,} test images are right after "
        f"{model.num_timesteps:,} steps. Everything is in {folder}."
    )


def make_env(options: Arguments, num_envs: int, **arguments: Any) -> agents.GlimpseVecEnv:
    """Makes copies of the environment."""
    return agents.make_sb3_env(options.env, num_envs, options.grid, reward=options.reward, **arguments)


def make_model(recipe: Recipe, env: agents.GlimpseVecEnv, seed: int) -> BaseAlgorithm:
    """Makes an untrained model, which learns after each episode, all copies together."""
    native: Any = env.native.unwrapped
    features = {"features_extractor_class": agents.GlimpseFeatures, "features_extractor_kwargs": recipe.features}
    settings = recipe.settings | {recipe.rollout_setting: native.world.config.num_glimpses}
    return recipe.algorithm(recipe.policy, env, policy_kwargs=recipe.policy_kwargs | features, seed=seed, **settings)


class Clock(BaseCallback):
    """Ends the training after some time, and shows until then how much is left and how well it goes.

    Args:
        seconds: How long to train.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def _on_training_start(self) -> None:
        self._start = time.monotonic()
        self._bar = tqdm(total=self.seconds, bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s{postfix}")

    def _on_step(self) -> bool:
        past = time.monotonic() - self._start
        self._bar.set_postfix(steps=f"{self.num_timesteps:,}", refresh=False)
        self._bar.update(min(past, self.seconds) - self._bar.n)
        return past < self.seconds

    def _on_rollout_start(self) -> None:
        if self.model.ep_success_buffer:
            self._bar.set_description(f"{np.mean(self.model.ep_success_buffer):.1%} right", refresh=False)

    def _on_training_end(self) -> None:
        self._bar.close()


if __name__ == "__main__":
    main()
