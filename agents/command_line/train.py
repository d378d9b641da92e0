"""The command `train`: trains an agent, and writes it into a run folder with its log and its learning curve."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

import agents
from agents import RunFolder
from agents.command_line.options import EnvironmentOptions, SettingsOptions, given
from agents.command_line.paths import PathArgument
from agents.distributed import ProcessLostError, from_first, is_first, process_group, world_size
from agents.pretrained.catalogue import find_run
from agents.pretrained.history import read_history
from glimpse_env import DatasetError
from glimpse_env.utils.atomic import write_json
from glimpse_env.utils.interruption import Interrupted
from glimpse_env.utils.program import one_line_errors

CANVAS_SIDE = 20
"""Side of the pooled canvas that an agent with a canvas weight predicts, in pixels."""
CANVAS_HEAD = "canvas_head."
"""What the names of the weights of a canvas head begin with."""


@dataclass(frozen=True)
class Arguments:
    """Trains an agent.

    Writes the agent, its arguments, the log, and the learning curve as a picture into a run folder.
    """

    env: tyro.conf.Positional[str] = "mnist"
    """A preset (mnist, mnist-demonstration, mnist-explain, fashion-mnist, kmnist, cifar10, svhn, translated,
    cluttered40, cluttered60, cluttered100, cluttered100-4scales, digits, digits-explain, cluttered-digits), or the id
    of an environment, such as Glimpse-v0."""
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
    initial_weights: PathArgument | None = None
    """Begin with the weights of another agent: a run folder, the file of a saved agent, or the name of an agent that
    comes with the package. Only the weights are taken over; its network must be the same."""
    run_folder: PathArgument | None = None
    """Run folder; by default a folder in runs/ that is named after the arguments."""
    resume: PathArgument | None = None
    """Continue the interrupted training in this run folder. It keeps its arguments, so give no others."""
    environment: Annotated[EnvironmentOptions, tyro.conf.arg(name="env")] = field(default_factory=EnvironmentOptions)
    settings: SettingsOptions = field(default_factory=SettingsOptions)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and trains."""
    run_command(tyro.cli(Arguments, args=arguments))


def run_command(options: Arguments) -> None:
    """Trains, with torchrun in several processes. An error of the user is one line of text and exit status 1."""
    with one_line_errors(agents.TrainingDiverged, DatasetError, OSError, ValueError), process_group():
        if options.resume is None:
            begin(options)
        elif options == Arguments(resume=options.resume):
            resume(options.resume)
        else:
            raise ValueError("expected no other arguments beside --resume: a training keeps those that it began with")


def begin(options: Arguments) -> None:
    """Makes a run folder with the arguments in it, and trains a new agent in it.

    Raises:
        ValueError: An argument is out of range, or the run folder holds an agent already.
    """
    if options.images is not None and options.images < 1:
        raise ValueError(f"expected --images to be at least 1, got {options.images}")
    preset = agents.find_preset(options.env)
    algorithm = options.algorithm or preset.algorithm
    policy_kwargs = preset.policy_kwargs | ({"core": options.core} if options.core else {})
    environment, settings = given(options.environment), given(options.settings)
    how = preset.settings | settings
    if canvas_weight := how.pop("canvas_weight", 0):
        policy_kwargs |= {"canvas_head": CANVAS_SIDE}
        how["loss_weights"] = replace(how.get("loss_weights", agents.LossWeights()), canvas=canvas_weight)
    reward = options.reward or preset.environment.arguments.get("reward", "hard")
    num_images = preset.num_images if options.images is None else options.images
    changed = [f"{name}-{value}" for name, value in (environment | settings).items()]
    name = "-".join([options.env, algorithm, policy_kwargs["core"], reward, *changed])
    name = re.sub(r"[^\w.]+", "-", f"{name}-seed{options.seed}".lower())
    run = RunFolder(options.run_folder or Path("runs", name))
    agent = agents.ALGORITHMS[algorithm](
        preset.environment.make(reward=reward, **environment),
        policy_kwargs=policy_kwargs,
        seed=options.seed,
        **how,
    )
    agent.total_timesteps = num_images * agent.num_glimpses
    chosen = {"algorithm": algorithm, "core": policy_kwargs["core"], "reward": reward, "images": num_images}
    used = asdict(options) | chosen | {"environment": environment, "settings": settings}
    del used["resume"], used["run_folder"], used["initial_weights"]
    if options.initial_weights is not None:
        earlier = find_run(options.initial_weights)
        take_weights(agent, earlier.load_agent("cpu"))
        used |= {"initial_weights": os.fspath(options.initial_weights), "earlier": asdict(read_history(earlier))}
    with run.lock() if is_first() else nullcontext():
        if is_first() and run.agent.exists():
            raise ValueError(
                f"{run.path} holds an agent already: continue it with --resume {shlex.quote(str(run.path))}, or choose "
                "another folder"
            )
        if is_first():
            write_json(run.arguments, used)
        train(agent, run)


def take_weights(agent: agents.Algorithm, earlier: agents.Algorithm) -> None:
    """Gives an agent the weights of another, without what its optimizer remembers.

    A canvas head serves training alone. So one that the other lacks stays as it is, and one that only the other has is
    left out.

    Raises:
        ValueError: The other has another network.
    """
    policy = earlier.get_parameters()["policy"]
    if agent.policy.canvas_head is None or earlier.policy.canvas_head is None:
        own = agent.get_parameters()["policy"]
        policy = {name: weight for name, weight in policy.items() if not name.startswith(CANVAS_HEAD)}
        policy |= {name: weight for name, weight in own.items() if name.startswith(CANVAS_HEAD)}
    agent.set_parameters(agent.get_parameters() | {"policy": policy})


def resume(path: Path) -> None:
    """Goes on with the training in a run folder, which the first process alone reads, and says where."""
    if not is_first():
        train(agents.load(io.BytesIO(from_first(None))), RunFolder(path))
        return
    run = RunFolder.of(path)
    with run.lock():
        agent = run.load_agent()
        from_first(run.agent.read_bytes())
        print(f"continuing after {agent.num_timesteps:,} of {agent.total_timesteps:,} steps", flush=True)
        train(agent, run)


def train(agent: agents.Algorithm, run: RunFolder) -> None:
    """Trains an agent in its run folder, and says how well it does, or how to go on after an interruption."""
    starter = "python" if world_size() == 1 else f"torchrun --standalone --nproc-per-node {world_size()}"
    command = f"{starter} -m agents train --resume {shlex.quote(str(run.path))}"
    try:
        agents.train(agent, run, progress_bar=True)
    except agents.TrainingInterrupted as error:
        raise Interrupted(error.signal, f"interrupted: continue with {command}") from None
    except ProcessLostError as error:
        raise ProcessLostError(f"{error}; continue with {command}") from error
    if is_first():
        print(f"{agent.accuracy:.2%} of the test split are correct. Everything is in {run.path}.")
