"""Trains an agent and keeps it, with its log and its learning curve, in a run folder.

python scripts/train.py digits
python scripts/train.py mnist --algorithm A2C --core lstm --seed 1
python scripts/train.py GlimpseKMNIST-v0 --images 1000000 --run-folder runs/kmnist
python scripts/train.py --resume runs/kmnist
"""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import numpy as np
import tyro
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import CSVOutputFormat, Logger
from tqdm import tqdm

import agents
from glimpse_env import DatasetError

AGENT, ARGUMENTS, LOG, CURVE = "agent.zip", "arguments.json", "progress.csv", "learning_curve.png"
CHECKPOINT_SECONDS = 30.0
LOG_LINES = 300
STEPS = "time/total_timesteps"


@dataclass(frozen=True)
class Arguments:
    """Trains an agent. A run folder holds the agent, its arguments, the log, and the learning curve as a picture."""

    env: tyro.conf.Positional[str] = "mnist"
    """A preset: mnist, mnist-explain, translated, cluttered40, cluttered60, cluttered100, digits, digits-explain,
    cluttered-digits; or an id."""
    algorithm: Literal["REINFORCE", "A2C", "PPO"] | None = None
    """How it learns; by default as the preset says."""
    core: Literal["rnn", "lstm", "gru"] | None = None
    """What carries the memory; by default as the preset says."""
    reward: Literal["hard", "entropy", "information", "anytime"] = "hard"
    """What is rewarded: being right at the end, also being sure, also being rightly sure, also being so soon."""
    seed: int = 0
    """Of everything that is random: the same seed gives the same agent."""
    images: int | None = None
    """Budget: how many images to train on; by default as the preset says."""
    run_folder: Path | None = None
    """Where everything is kept; by default a folder in runs/ that is named after the arguments."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="RUN_FOLDER")] = None
    """Go on with the interrupted training in this folder, with the arguments that it was begun with."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and trains; whatever the user can mend ends in one line of error and exit status 1."""
    options = tyro.cli(Arguments, args=arguments)
    try:
        if options.resume is not None and options != Arguments(resume=options.resume):
            raise ValueError("--resume goes on with the arguments that training was begun with: leave out all others")
        folder, agent = begin(options) if options.resume is None else go_on(options.resume)
        train(agent, folder, progress_bar=True)
        print(f"{agent.accuracy:.2%} of the test split are right. Everything is in {folder}.")
    except (agents.TrainingDiverged, DatasetError, OSError, ValueError) as error:
        fail(error)


def begin(options: Arguments) -> tuple[Path, agents.Algorithm]:
    """Makes a fresh agent, and its run folder."""
    if options.images is not None and options.images < 1:
        raise ValueError(f"expected --images to be at least 1, got {options.images}")
    preset = agents.find_preset(options.env)
    algorithm = options.algorithm or preset.algorithm
    policy_kwargs = preset.policy_kwargs | ({"core": options.core} if options.core else {})
    num_images = preset.num_images if options.images is None else options.images
    name = "-".join([options.env.replace(":", "-"), algorithm, policy_kwargs["core"], options.reward])
    folder = options.run_folder or Path("runs", f"{name}-seed{options.seed}".lower())
    if (folder / AGENT).exists():
        raise ValueError(f"{folder} holds an agent already: go on with --resume {folder}, or choose another folder")
    agent = agents.ALGORITHMS[algorithm](
        preset.environment.make(reward=options.reward),
        policy_kwargs=policy_kwargs,
        seed=options.seed,
        **preset.settings,
    )
    agent.total_timesteps = num_images * agent.num_glimpses
    folder.mkdir(parents=True, exist_ok=True)
    used = asdict(options) | {"algorithm": algorithm, "core": policy_kwargs["core"], "images": num_images}
    del used["resume"], used["run_folder"]
    (folder / ARGUMENTS).write_text(json.dumps(used, indent=2) + "\n", encoding="utf-8")
    return folder, agent


def go_on(folder: Path, device: str = "auto") -> tuple[Path, agents.Algorithm]:
    """Loads the agent of a run folder, as of its last checkpoint."""
    agent = agents.load(folder / AGENT, device=device)
    for unfinished in folder.glob(f".{AGENT}-*"):  # a checkpoint that was being written when the training was killed
        unfinished.unlink()
    return folder, agent


def train(
    agent: agents.Algorithm, folder: Path, callbacks: Sequence[BaseCallback] = (), *, progress_bar: bool = False
) -> None:
    """Trains an agent to the end of its budget, and measures it.

    Args:
        agent: Whom to train, to its `total_timesteps`.
        folder: Its run folder.
        callbacks: What else to call in training.
        progress_bar: Show accuracy and the time left.

    Raises:
        TrainingDiverged: Something is not finite; the folder holds the last good state.
        SystemExit: It was interrupted; the folder holds where it was.
    """
    agent.set_logger(Logger(str(folder), [log_from(folder / LOG, agent.num_timesteps)]))
    rounds = agent.total_timesteps // (agent.settings.num_envs * agent.num_glimpses)
    checkpoints = Checkpoints(folder / AGENT)
    before = signal.signal(signal.SIGINT, checkpoints.interrupt)
    try:
        agent.learn(
            agent.total_timesteps - agent.num_timesteps,
            [checkpoints, *callbacks],
            log_interval=max(1, rounds // LOG_LINES),
            reset_num_timesteps=False,
            progress_bar=progress_bar,
        )
    except agents.TrainingDiverged as error:
        agent.save(folder / AGENT)
        raise agents.TrainingDiverged(f"training diverged: {error}; {folder} holds the last good state") from error
    finally:
        signal.signal(signal.SIGINT, before)
        agent.logger.close()
    if checkpoints.interrupted:
        tqdm.write(f"interrupted: go on with python scripts/train.py --resume {folder}", file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT)
    agent.accuracy = float(agents.evaluate(agent).accuracy[-1])
    agent.save(folder / AGENT)
    draw_learning_curve(folder)


class Checkpoints(BaseCallback):
    """Saves the agent when training begins and ends, and every `CHECKPOINT_SECONDS` in between.

    Ctrl-C ends the training after the present round, so that going on later gives the same agent; twice, at once.

    Args:
        path: Where; each checkpoint takes the place of the one before.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.interrupted = False

    def interrupt(self, *_: object) -> None:
        """What Ctrl-C does."""
        self.interrupted = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _save(self) -> None:
        self.model.save(self.path)
        self._saved = time.monotonic()

    def _on_training_start(self) -> None:
        self._save()

    def _on_step(self) -> bool:
        return not self.interrupted

    def _on_rollout_end(self) -> None:
        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self._save()

    def _on_training_end(self) -> None:
        self._save()


def log_from(path: Path, num_timesteps: int) -> CSVOutputFormat:
    """Opens a log for more lines, without those that are torn or came after the checkpoint of `num_timesteps`."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    header, *lines = [line.split(",") for line in text.splitlines(keepends=True) if line.endswith("\n")] or [[""]]
    names = [name.strip() for name in header]
    whole = [line for line in lines if len(line) == len(names)]
    kept = [line for line in whole if int(line[names.index(STEPS)]) <= num_timesteps]
    temporary = path.with_name(f".{path.name}-unfinished")
    temporary.write_text("".join(",".join(line) for line in (header, *kept)) if kept else "", encoding="utf-8")
    os.replace(temporary, path)
    log = CSVOutputFormat(os.devnull)  # as it would empty the file
    log.file.close()
    log.file = open(path, "r+", encoding="utf-8")  # noqa: SIM115  (the log closes it)
    log.file.seek(0, os.SEEK_END)
    log.keys = names if kept else []
    return log


def draw_learning_curve(folder: Path) -> None:
    """Draws the error and the return in training, both with locations drawn at random around their mean."""
    with open(folder / LOG, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = {"success_rate": "rollout/success_rate", "return": "rollout/ep_rew_mean", "length": "rollout/ep_len_mean"}
    log = {short: np.array([float(row[name]) for row in rows]) for short, name in names.items()}
    images = np.array([float(row[STEPS]) for row in rows]) / log["length"]
    figure = Figure(figsize=(8, 6), layout="constrained")
    error_axes, return_axes = figure.subplots(2, sharex=True)
    error_axes.plot(images, (1 - log["success_rate"]).clip(min=1e-4), color="#0072b2")
    error_axes.set(yscale="log", ylabel="error", title="Learning curve, with the noise of training")
    error_axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    error_axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * error:g}%"))
    error_axes.yaxis.set_minor_formatter(NullFormatter())
    return_axes.plot(images, log["return"], color="#d55e00")
    return_axes.set(ylabel="return", xlabel="images")
    return_axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    for axes in (error_axes, return_axes):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / CURVE, dpi=150)


def fail(error: Exception) -> NoReturn:
    """Ends the script with one line of error, past a progress bar that may stand there."""
    tqdm.write(f"error: {error}", file=sys.stderr)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
