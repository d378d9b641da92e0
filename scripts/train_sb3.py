"""Trains an algorithm of Stable-Baselines3 or sb3-contrib on the reward alone, and measures its accuracy.

python scripts/train_sb3.py
python scripts/train_sb3.py RecurrentPPO GlimpseMNIST-v0 --reward information --minutes 60
python scripts/train_sb3.py PPO --grid 4
python scripts/train_sb3.py --resume runs/glimpsedigits-v0-ppo-hard-seed0
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import tyro
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from tqdm import tqdm

import agents
from agents import RunFolder
from agents.command_line.evaluate import report_of
from agents.command_line.paths import PathArgument
from agents.command_line.saved_agent import saved_model
from agents.command_line.sb3_training import SB3Training, read_checkpoint
from agents.progress_log import ProgressLog
from agents.runs import MODEL
from glimpse_env import DatasetError
from glimpse_env.utils.atomic import open_atomic, write_json
from glimpse_env.utils.interruption import Interrupted, Interruption
from glimpse_env.utils.program import one_line_errors

CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True)
class Arguments(SB3Training):
    """Trains an algorithm of Stable-Baselines3 or sb3-contrib on the reward alone, and measures its accuracy.

    No label trains the classifier: the logits are drawn and rewarded like the locations. Writes the model and its
    evaluation on the test split into a run folder.
    """

    run_folder: PathArgument | None = None
    """Run folder; by default a folder in runs/ that is named after the arguments."""
    resume: PathArgument | None = None
    """Continue the interrupted training in this run folder, with the weights of its last checkpoint. It keeps its
    arguments, so give no others. No code from the folder is executed."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, trains and measures. An error of the user is one line of text and exit status 1."""
    options = tyro.cli(Arguments, args=arguments)
    with one_line_errors(DatasetError, gym.error.Error, OSError, ValueError):
        run, training = start(options) if options.resume is None else resume(options)
        try:
            train(run, training)
        except Interrupted as error:
            command = f"python scripts/train_sb3.py --resume {shlex.quote(str(run.path))}"
            raise Interrupted(error.signal, f"interrupted: continue with {command}") from None


def start(options: Arguments) -> tuple[RunFolder, SB3Training]:
    """The run folder of a new training, and what it is of.

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


def resume(options: Arguments) -> tuple[RunFolder, SB3Training]:
    """The run folder of a training that was interrupted, and what it is of.

    Raises:
        FileNotFoundError: The folder holds no such training.
        ValueError: There are other arguments beside --resume, or those in the folder are not what this program wrote.
    """
    if options.resume is None or options != Arguments(resume=options.resume):
        raise ValueError("expected no other arguments beside --resume: a training keeps those that it began with")
    run = RunFolder(options.resume, MODEL)
    return run, SB3Training.read(run)


def train(run: RunFolder, training: SB3Training) -> None:
    """Trains a model from the last checkpoint on, if there is one, measures it, and writes everything.

    Raises:
        Interrupted: A signal came; the run folder holds a checkpoint.
        OSError: A file cannot be written.
        ValueError: An argument is out of range.
    """
    if not training.minutes > 0:
        raise ValueError(f"expected --minutes to be above 0, got {training.minutes}")
    model = training.make_model()
    seconds = read_checkpoint(model, run.agent) if run.agent.exists() else 0.0
    with run.lock(), Interruption() as interruption:
        write_json(run.arguments, {one.name: getattr(training, one.name) for one in fields(SB3Training)})
        log = ProgressLog(run.log, model.num_timesteps)
        model.set_logger(Logger(str(run.path), [log]))
        limit = TimeLimit(run, log, interruption, seconds, 60 * training.minutes)
        try:
            if seconds < limit.limit:
                # A line of the log for each iteration, or as often as all sub-environments have ended an episode.
                interval = 1 if isinstance(model, OnPolicyAlgorithm) else model.n_envs
                model.learn(sys.maxsize, limit, log_interval=interval, reset_num_timesteps=False)
        finally:
            limit.close()
        interruption.check()
        interruption.at_once = True
        saved = saved_model(model, training.environment, run)
        evaluation = agents.evaluate(saved.agent)
        write_json(run.evaluation, report_of(saved, {"learned policy": evaluation}))
    print(
        f"{evaluation.accuracy[-1]:.2%} of {evaluation.num_images:,} test images are correct after "
        f"{model.num_timesteps:,} steps. Everything is in {run.path}."
    )


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
