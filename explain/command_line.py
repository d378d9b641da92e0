"""The command line of `python -m explain`: explains a saved agent, and writes figures, numbers and a report."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Protocol, TypeVar

import gymnasium as gym
import matplotlib
import numpy as np
import sklearn
import torch
import tyro
from gymnasium.vector import VectorEnv

import glimpse_env
from explain.explanation import ExplanationSettings, explain
from explain.report.page import write_report
from glimpse_env import DatasetError, WorldConfig
from glimpse_env.dataset_rollout import Agent, world_of
from glimpse_env.utils.folder_lock import FolderLock
from glimpse_env.utils.paths import read_path
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
PROJECT = {"Made with glimpse-env": "https://github.com/glimpse-env/glimpse-env"}
DATA = {
    "mnist": {"The images: MNIST": "https://yann.lecun.com/exdb/mnist/"},
    "digits": {
        "The images: digits": "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits"
    },
    "fashion_mnist": {"The images: Fashion-MNIST": "https://github.com/zalandoresearch/fashion-mnist"},
    "kmnist": {"The images: Kuzushiji-MNIST": "https://github.com/rois-codh/kmnist"},
    "cifar10": {"The images: CIFAR-10": "https://www.cs.toronto.edu/~kriz/cifar.html"},
    "svhn": {"The images: SVHN": "http://ufldl.stanford.edu/housenumbers/"},
}
"""Where the images come from, by the name of the data set."""
VERSIONS = (glimpse_env, gym, matplotlib, np, sklearn, torch)


class Subject(Protocol):
    """What is explained: an agent that was loaded, and what is needed and said of it."""

    @property
    def agent(self) -> Agent:
        """The agent; only its `predict` is called."""

    @property
    def device(self) -> torch.device:
        """Where its explanation is computed."""

    @property
    def folder(self) -> Path:
        """Where its explanation goes."""

    @property
    def location_policies(self) -> Mapping[str, Agent]:
        """Agents with the same core and classifier and other location policies, by name."""

    @property
    def facts(self) -> Mapping[str, Mapping[str, Any]]:
        """What the report says of it, as plain numbers and names in sections."""

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""


class AgentArguments(Protocol):
    """A dataclass of arguments that say which agent is explained."""

    def load(self) -> Subject:
        """Loads it."""


AgentArgumentsT = TypeVar("AgentArgumentsT", bound=AgentArguments)


@dataclass(frozen=True)
class Arguments(Generic[AgentArgumentsT]):
    """Explains an agent on the test split: figures, explanation.json with every number, and report.html with all of it.

    On MNIST it takes many minutes; less with smaller --num-train, --num-eig and --policy-images.
    """

    agent: Annotated[AgentArgumentsT, tyro.conf.arg(name="")]
    """Which agent."""
    folder: str | None = None
    """Where everything goes; by default the folder explanation/ beside the agent."""
    settings: tyro.conf.OmitArgPrefixes[ExplanationSettings] = field(default_factory=ExplanationSettings)
    """How much is computed."""


def main(
    kind: type[Arguments[AgentArgumentsT]], arguments: Sequence[str] | None = None, prog: str | None = None
) -> None:
    """Reads the arguments and explains; an error of the user is one line of text and exit status 1.

    Args:
        kind: `Arguments[...]` with the dataclass that loads an agent.
        arguments: By default those that the program was called with.
        prog: How the help calls the program; by default its file.
    """
    options = tyro.cli(kind, args=arguments, prog=prog)
    with one_line_errors(DatasetError, FloatingPointError, OSError, ValueError):
        folder = None if options.folder is None else read_path("--folder", options.folder)
        subject = options.agent.load()
        report = run(subject, folder or subject.folder, options.settings)
        print(f"Open {report.resolve()}")


def run(subject: Subject, folder: Path, settings: ExplanationSettings) -> Path:
    """Explains an agent, writes figures, numbers and report into a folder, and returns the path of the report."""
    # A folder that cannot be written is an error now, not after minutes; and two explanations never mix.
    with FolderLock(folder):
        test_env = subject.make_vec_env(NUM_ENVS, split="test")
        explanation = explain(
            subject.agent,
            subject.make_vec_env(NUM_ENVS),
            test_env,
            subject.location_policies,
            settings,
            device=subject.device,
            progress=True,
        )
        page = {"Watch this agent look: draw for it, and move its glimpses": PAGE}
        config = world_of(test_env).config
        return write_report(
            explanation,
            folder,
            title_of(config),
            {**subject.facts, "explanation": asdict(explanation.settings), "versions": versions()},
            links=(page if (folder / PAGE).is_file() else {}) | DATA.get(config.dataset, {}) | PROJECT,
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


def versions() -> dict[str, str]:
    """The versions of Python and of what computes and draws explanations."""
    return {"python": platform.python_version()} | {module.__name__: module.__version__ for module in VERSIONS}
