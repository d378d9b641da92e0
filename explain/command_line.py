"""The command line of `python -m explain`: explains a saved agent, and writes figures, numbers and a report."""

from __future__ import annotations

import inspect
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import matplotlib
import numpy as np
import sklearn
import torch
import tyro

import agents
import glimpse_env
from agents import RunFolder
from agents.command_line.paths import PathArgument
from agents.folder_lock import FolderLock
from agents.pretrained.catalogue import find_run
from explain.explanation import ExplanationSettings, explain
from explain.report.page import write_report
from glimpse_env import DatasetError, WorldConfig
from glimpse_env.utils.program import one_line_errors

NUM_ENVS = 250
PAGE = "page.html"
"""The page that `scripts/page.py` writes; if it is beside the report, the report links to it."""
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SUBJECTS = {
    "mnist": "a handwritten digit",
    "digits": "a handwritten digit",
    "fashion_mnist": "a piece of clothing",
    "kmnist": "a handwritten character",
    "cifar10": "a photograph",
    "svhn": "a house number",
}
"""What is to be seen, by the name of the data set."""
VERSIONS = (glimpse_env, gym, matplotlib, np, sklearn, torch)


@dataclass(frozen=True)
class Arguments:
    """Explains an agent on the test split: figures, explanation.json with every number, and report.html with all of it.

    On MNIST it takes many minutes; less with smaller --num-train, --num-eig and --policy-images.
    """

    agent: tyro.conf.Positional[PathArgument]
    """A run folder, the file of a saved agent, or the name of an agent that comes with the package."""
    folder: PathArgument | None = None
    """Where everything goes; by default the folder explanation/ beside the agent."""
    settings: tyro.conf.OmitArgPrefixes[ExplanationSettings] = field(default_factory=ExplanationSettings)
    """How much is computed."""


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Reads the arguments and explains; an error of the user is one line of text and exit status 1.

    Args:
        arguments: By default those that the program was called with.
        prog: How the help calls the program; by default its file.
    """
    options = tyro.cli(Arguments, args=arguments, prog=prog)
    with one_line_errors(DatasetError, FloatingPointError, OSError, ValueError):
        run_folder = find_run(options.agent)
        report = run(run_folder, options.folder or run_folder.explanation, options.settings)
        print(f"Open {report.resolve()}")


def run(run_folder: RunFolder, folder: Path, settings: ExplanationSettings) -> Path:
    """Explains a saved agent, writes figures, numbers and report into a folder, and returns the path of the report."""
    agent = run_folder.load_agent()
    # A folder that cannot be written is an error now, not after minutes; and two explanations never mix.
    with FolderLock(folder):
        return _explain(agent, folder, settings)


def _explain(agent: agents.Algorithm, folder: Path, settings: ExplanationSettings) -> Path:
    explanation = explain(
        agent,
        agent.make_vec_env(NUM_ENVS),
        agent.make_vec_env(NUM_ENVS, split="test"),
        {
            "random": agents.look_at_random(agent),
            "centre": agents.look_at_centre(agent),
            "raster scan": agents.look_by_raster_scan(agent),
        },
        settings,
        device=agent.device,
        progress=True,
    )
    environment = agent.spec.environment
    page = {"Watch this agent look: draw for it, and move its glimpses": PAGE}
    return write_report(
        explanation,
        folder,
        title_of(environment.config),
        describe(agent, explanation.settings),
        links=page if (folder / PAGE).is_file() else {},
        progress=True,
    )


def title_of(config: WorldConfig) -> str:
    """What a report tells, in words.

    Example:
        >>> title_of(WorldConfig(dataset="digits"))
        'What an agent knew after six glimpses of a handwritten digit'
    """
    count = config.num_glimpses
    number = NUMBERS[count - 1] if count <= len(NUMBERS) else str(count)
    glimpses = "glimpse" if count == 1 else "glimpses"
    return f"What an agent knew after {number} {glimpses} of {SUBJECTS.get(config.dataset, 'an image')}"


def describe(agent: agents.Algorithm, settings: ExplanationSettings) -> dict[str, dict[str, Any]]:
    """The agent, how it was trained, and how much of the explanation was computed, as plain numbers and names."""
    spec, environment = agent.spec, agent.spec.environment
    parameters = inspect.signature(agents.RAMPolicy).parameters.values()
    defaults = {one.name: one.default for one in parameters if one.name != "seed" and one.default is not one.empty}
    return {
        "agent": {
            "algorithm": type(agent).__name__,
            **(defaults | spec.policy_kwargs),
        },
        "training": {
            "images": agent.num_timesteps // agent.num_glimpses,
            "seed": spec.seed,
            **asdict(spec.settings),
        },
        "environment": {"id": environment.env_id, **environment.arguments},
        "explanation": asdict(settings),
        "versions": {"python": platform.python_version()}
        | {module.__name__: module.__version__ for module in VERSIONS},
    }
