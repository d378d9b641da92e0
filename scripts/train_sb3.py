"""Trains an algorithm of Stable-Baselines3 or sb3-contrib on the reward alone, and measures its accuracy.

python scripts/train_sb3.py
python scripts/train_sb3.py RecurrentPPO GlimpseMNIST-v0 --reward information --minutes 60
python scripts/train_sb3.py PPO --grid 4
python scripts/train_sb3.py --resume runs/glimpsedigits-v0-ppo-hard-seed0
"""

from __future__ import annotations

import json
import pickle
import shlex
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import gymnasium as gym
import numpy as np
import tyro
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from tqdm import tqdm

import agents
from agents import RunFolder
from agents.command_line.paths import PathArgument
from agents.progress_log import ProgressLog
from glimpse_env import DatasetError
from glimpse_env.utils.atomic import open_atomic, write_json
from glimpse_env.utils.errors import shown
from glimpse_env.utils.interruption import Interrupted, Interruption
from glimpse_env.utils.program import one_line_errors

MODEL = "model.zip"
TEST_ENVS = 500
CHECKPOINT_SECONDS = 30.0


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
    run_folder: PathArgument | None = None
    """Run folder; by default a folder in runs/ that is named after the arguments."""
    resume: PathArgument | None = None
    """Continue the interrupted training in this run folder, with the weights of its last checkpoint. It keeps its
    arguments, so give no others. No code from the folder is executed."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains and measures. An error of the user is one line of text and exit status 1."""
    options = tyro.cli(Arguments, args=arguments)
    with one_line_errors(DatasetError, gym.error.Error, OSError, ValueError):
        run, options = start(options) if options.resume is None else resume(options)
        try:
            train(run, options)
        except Interrupted as error:
            command = f"python scripts/train_sb3.py --resume {shlex.quote(str(run.path))}"
            raise Interrupted(error.signal, f"interrupted: continue with {command}") from None


def start(options: Arguments) -> tuple[RunFolder, Arguments]:
    """The run folder of a new training, and its arguments.

    Raises:
        ValueError: The run folder holds a model already.
    """
    name = "-".join([options.env.replace(":", "-"), options.algorithm, options.reward])
    run = RunFolder(options.run_folder or Path("runs", f"{name}-seed{options.seed}".lower()), MODEL)
    if run.agent.exists():
        raise ValueError(
            f"{run.path} holds a model already: continue it with --resume {shlex.quote(str(run.path))}, or choose "
            "another folder"
        )
    return run, options


def resume(options: Arguments) -> tuple[RunFolder, Arguments]:
    """The run folder of a training that was interrupted, and the arguments that it began with.

    Raises:
        FileNotFoundError: The folder holds no such training.
        ValueError: There are other arguments beside --resume, or those in the folder are not what this program wrote.
    """
    if options.resume is None or options != Arguments(resume=options.resume):
        raise ValueError("expected no other arguments beside --resume: a training keeps those that it began with")
    run = RunFolder(options.resume, MODEL)
    if not run.agent.is_file() or not run.arguments.is_file():
        raise FileNotFoundError(f"expected the run folder of a training by train_sb3.py, got {run.path}")
    return run, read_arguments(run)


def read_arguments(run: RunFolder) -> Arguments:
    """The arguments that a training began with.

    Raises:
        ValueError: They are not what this program wrote.
    """
    arguments = run.read_arguments()
    kinds = {name: kind for name, kind in get_type_hints(Arguments).items() if name not in ("run_folder", "resume")}
    for name, kind in kinds.items():
        value = arguments.get(name)
        # A Literal has values, a union has types, and a type has neither.
        if value not in get_args(kind) and type(value) not in (get_args(kind) or [kind]):
            raise ValueError(f"expected {name} in {run.arguments} to be as this program wrote it, got {shown(value)}")
    return Arguments(**{name: arguments[name] for name in kinds if name in arguments})


def train(run: RunFolder, options: Arguments) -> None:
    """Trains a model from the last checkpoint on, if there is one, measures it, and writes everything.

    Raises:
        Interrupted: A signal came; the run folder holds a checkpoint.
        OSError: A file cannot be written.
        ValueError: An argument is out of range.
    """
    if not options.minutes > 0:
        raise ValueError(f"expected --minutes to be above 0, got {options.minutes}")
    recipe = (RECIPES if options.grid is None else GRID_RECIPES).get(options.algorithm)
    if recipe is None:
        raise ValueError(f"{options.algorithm} has no categorical policy for discrete actions: leave out --grid")
    model = make_model(recipe, make_env(options, recipe.num_envs), options.seed)
    seconds = read_checkpoint(model, run.agent) if run.agent.exists() else 0.0
    with run.lock(), Interruption() as interruption:
        used = {name: value for name, value in asdict(options).items() if name not in ("run_folder", "resume")}
        write_json(run.arguments, used)
        log = ProgressLog(run.log, model.num_timesteps)
        model.set_logger(Logger(str(run.path), [log]))
        limit = TimeLimit(run, log, interruption, seconds, 60 * options.minutes)
        try:
            if seconds < limit.limit:
                # A line of the log for each iteration, or as often as all sub-environments have ended an episode.
                interval = 1 if isinstance(model, OnPolicyAlgorithm) else recipe.num_envs
                model.learn(sys.maxsize, limit, log_interval=interval, reset_num_timesteps=False)
        finally:
            limit.close()
        interruption.check()
        interruption.at_once = True
        evaluation = agents.evaluate(model, make_env(options, TEST_ENVS, split="test").native)
        report = {
            "algorithm": options.algorithm,
            "environment": {"id": options.env, "arguments": {"reward": options.reward}},
            "grid": options.grid,
            "num_timesteps": model.num_timesteps,
            "split": "test",
            "location_policies": {"learned policy": evaluation.to_json()},
        }
        write_json(run.evaluation, report)
    print(
        f"{evaluation.accuracy[-1]:.2%} of {evaluation.num_images:,} test images are correct after "
        f"{model.num_timesteps:,} steps. Everything is in {run.path}."
    )


def read_checkpoint(model: Any, path: Path) -> float:
    """Gives an untrained model the parameters in a file that `TimeLimit` saved, without executing code from it.

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
    """Ends the training after some time or at a signal, saves checkpoints, and shows time and accuracy.

    Stable-Baselines3 does not tell callbacks when a training ends by an error, so whoever trains calls `close`.

    Args:
        run: Where the checkpoints go.
        log: The log, which is whole whenever there is a checkpoint.
        interruption: Tells of signals.
        seconds: How long the model was trained before.
        limit: How long it is trained in all.
    """

    def __init__(
        self, run: RunFolder, log: ProgressLog, interruption: Interruption, seconds: float, limit: float
    ) -> None:
        super().__init__()
        self.run = run
        self.log = log
        self.interruption = interruption
        self.seconds = seconds
        self.limit = limit
        bar_format = "{l_bar}{bar}| {n:.0f}/{total:.0f} s{postfix}"
        self._bar = tqdm(total=limit, initial=min(seconds, limit), bar_format=bar_format)

    def _on_training_start(self) -> None:
        self._start = time.monotonic() - self.seconds
        self._save()

    def _on_step(self) -> bool:
        self.seconds = time.monotonic() - self._start
        self._bar.set_postfix(steps=f"{self.num_timesteps:,}", refresh=False)
        self._bar.update(min(self.seconds, self.limit) - self._bar.n)
        return self.seconds < self.limit and self.interruption.signal is None

    def _on_training_end(self) -> None:
        self._save()

    def _save(self) -> None:
        model: Any = self.model
        model.trained_seconds = self.seconds
        self.log.save(self.run.log)
        with open_atomic(self.run.agent) as file:
            model.save(file)
        self._saved = self.seconds

    def _on_rollout_start(self) -> None:
        if self.model.ep_success_buffer:
            accuracy = np.mean(self.model.ep_success_buffer)
            self._bar.set_description(f"accuracy {accuracy:.1%}", refresh=False)
        if self.seconds - self._saved >= CHECKPOINT_SECONDS:
            self._save()

    def close(self) -> None:
        """Closes the bar."""
        self._bar.close()


if __name__ == "__main__":
    main()
