"""Trainings of Stable-Baselines3's algorithms: what each is of, settings that learn, and models from checkpoints."""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import tyro
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm

from agents.environments import EnvironmentSpec
from agents.runs import RunFolder
from agents.sb3.features import GlimpseFeatures
from agents.sb3.vec_env import make_sb3_env
from glimpse_env.utils.errors import shown


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
class SB3Training:
    """What `scripts/train_sb3.py` trains, and what its run folder keeps as the arguments of the training."""

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

    @classmethod
    def read(cls, run: RunFolder) -> SB3Training:
        """Reads what a training was of.

        Raises:
            FileNotFoundError: The folder holds no such training.
            ValueError: The arguments in it are not what `scripts/train_sb3.py` wrote.
        """
        if not run.agent.is_file() or not run.arguments.is_file():
            raise FileNotFoundError(f"expected the run folder of a training by train_sb3.py, got {run.path}")
        arguments = run.read_arguments()
        kinds = get_type_hints(SB3Training)
        for name, kind in kinds.items():
            value = arguments.get(name)
            # A Literal has values, a union has types, and a type has neither.
            if value not in get_args(kind) and type(value) not in (get_args(kind) or [kind]):
                raise ValueError(
                    f"expected {name} in {run.arguments} to be as train_sb3.py writes it, got {shown(value)}"
                )
        return SB3Training(**{name: arguments[name] for name in kinds if name in arguments})

    @property
    def environment(self) -> EnvironmentSpec:
        """What the algorithm learns in.

        Raises:
            ValueError: There is no such id, or it stands for another kind of environment.
        """
        return EnvironmentSpec(self.env, {"reward": self.reward})

    @property
    def recipe(self) -> Recipe:
        """How the algorithm learns.

        Raises:
            ValueError: It does not learn with discrete actions.
        """
        recipe = (RECIPES if self.grid is None else GRID_RECIPES).get(self.algorithm)
        if recipe is None:
            raise ValueError(f"{self.algorithm} has no categorical policy for discrete actions: leave out --grid")
        return recipe

    def make_model(self) -> BaseAlgorithm:
        """Makes an untrained model, which learns from one episode in every sub-environment at a time."""
        recipe, environment = self.recipe, self.environment
        env = make_sb3_env(environment.env_id, recipe.num_envs, self.grid, **environment.arguments)
        features = {"features_extractor_class": GlimpseFeatures, "features_extractor_kwargs": recipe.features}
        settings = recipe.settings | {recipe.rollout_setting: environment.config.num_glimpses}
        policy_kwargs = recipe.policy_kwargs | features
        return recipe.algorithm(recipe.policy, env, policy_kwargs=policy_kwargs, seed=self.seed, **settings)


def read_checkpoint(model: Any, path: Path) -> float:
    """Gives an untrained model the parameters in a checkpoint of `scripts/train_sb3.py`. Executes no code from it.

    A replay buffer is not saved: SAC fills a new one.

    Returns:
        How many seconds the model was trained.

    Raises:
        ValueError: It is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            data = json.loads(archive.read("data"))
        model.num_timesteps, model.trained_seconds = int(data["num_timesteps"]), float(data["trained_seconds"])
        model.set_parameters(path, device=model.device)
    except (KeyError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        # Messages of torch have many lines, and may advise to load the file with `weights_only=False`.
        raise ValueError(
            f"expected a checkpoint of this {type(model).__name__}, got {path}, which raises {type(error).__name__}"
        ) from error
    return float(data["trained_seconds"])
