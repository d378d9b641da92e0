"""Packages the agent of a run folder with its card, to come with the library.

python scripts/package.py runs/cluttered60 cluttered60
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from agents import RunFolder
from agents.pretrained.catalogue import FILES
from agents.pretrained.packaging import package_agent
from glimpse_env import DatasetError


@dataclass(frozen=True)
class Arguments:
    """Packages a trained agent, and measures what it does on the whole test split."""

    run: tyro.conf.Positional[Path]
    """The run folder of the training."""
    name: tyro.conf.Positional[str]
    """Name of the packaged agent."""
    core_seconds: float | None = None
    """How long one core worked on the training."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and packages the agent."""
    options = tyro.cli(Arguments, args=arguments)
    try:
        card = package_agent(RunFolder.of(options.run), FILES / options.name, options.core_seconds)
    except (DatasetError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print(f"{options.name}: {card['correct_after_each_glimpse_percent'][-1]} % of the test split are correct.")


if __name__ == "__main__":
    main()
