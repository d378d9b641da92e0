"""The command `train`: trains an agent, and writes it into a run folder with its log and its learning curve."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

import agents
from agents import RunFolder
from glimpse_env import DatasetError


@dataclass(frozen=True)
class Arguments:
    """Trains an agent.

    Writes the agent, its arguments, the log, and the learning curve as a picture into a run folder.
    """

    env: tyro.conf.Positional[str] = "mnist"
    """A preset (mnist, mnist-demonstration, mnist-explain, fashion-mnist, kmnist, cifar10, svhn, translated,
    cluttered40, cluttered60, cluttered100, cluttered100-4scales, digits, digits-explain, cluttered-digits), or the id
    of an environment."""
    algorithm: Literal["REINFORCE", "A2C", "PPO", "Branching"] | None = None
    """Algorithm; by default that of the preset."""
    core: Literal["rnn", "lstm", "gru"] | None = None
    """Recurrent core; by default that of the preset."""
    reward: Literal["hard", "entropy", "information", "anytime"] | None = None
    """By default that of the preset. hard: 1 for a correct answer at the end. The others also reward the belief after
    every glimpse, entropy for being certain, information for the probability of the true class, anytime for the same,
    the sooner the better."""
    seed: int = 0
    """Seed of everything that is random. The same seed gives the same agent on the CPU, with the same number of
    threads, kind of processor and version of torch."""
    images: int | None = None
    """Number of images to train on; by default that of the preset."""
    run_folder: Path | None = None
    """Run folder; by default a folder in runs/ that is named after the arguments."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="RUN_FOLDER")] = None
    """Continue the interrupted training in this run folder. It keeps its arguments, so give no others."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and trains."""
    run_command(tyro.cli(Arguments, args=arguments))


def run_command(options: Arguments) -> None:
    """Trains. An error of the user is one line of text and exit status 1."""
    try:
        if options.resume is None:
            run, agent = start(options)
        elif options == Arguments(resume=options.resume):
            run = RunFolder(options.resume)
            agent = run.load_agent()
        else:
            raise ValueError("expected no other arguments beside --resume: a training keeps those that it began with")
        agents.train(agent, run, progress_bar=True)
    except agents.TrainingInterrupted:
        print(f"interrupted: continue with python -m agents train --resume {run.path}", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except (agents.TrainingDiverged, DatasetError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"{agent.accuracy:.2%} of the test split are correct. Everything is in {run.path}.")


def start(options: Arguments) -> tuple[RunFolder, agents.Algorithm]:
    """Makes a run folder with the arguments in it, and an untrained agent.

    Raises:
        ValueError: An argument is out of range, or the run folder holds an agent already.
    """
    if options.images is not None and options.images < 1:
        raise ValueError(f"expected --images to be at least 1, got {options.images}")
    preset = agents.find_preset(options.env)
    algorithm = options.algorithm or preset.algorithm
    policy_kwargs = preset.policy_kwargs | ({"core": options.core} if options.core else {})
    reward = options.reward or preset.environment.arguments.get("reward", "hard")
    num_images = preset.num_images if options.images is None else options.images
    name = "-".join([options.env.replace(":", "-"), algorithm, policy_kwargs["core"], reward])
    run = RunFolder(options.run_folder or Path("runs", f"{name}-seed{options.seed}".lower()))
    if run.agent.exists():
        raise ValueError(f"{run.path} holds an agent already: continue it with --resume {run.path}, or choose another")
    agent = agents.ALGORITHMS[algorithm](
        preset.environment.make(reward=reward),
        policy_kwargs=policy_kwargs,
        seed=options.seed,
        **preset.settings,
    )
    agent.total_timesteps = num_images * agent.num_glimpses
    run.path.mkdir(parents=True, exist_ok=True)
    chosen = {"algorithm": algorithm, "core": policy_kwargs["core"], "reward": reward, "images": num_images}
    used = asdict(options) | chosen
    del used["resume"], used["run_folder"]
    run.arguments.write_text(json.dumps(used, indent=2) + "\n", encoding="utf-8")
    return run, agent
