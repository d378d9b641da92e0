"""What the machines of a cluster must have in common, so that a study gives the same numbers on each of them."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

import agents
import explain
import glimpse_env
from agents.environments import EnvironmentSpec
from glimpse_env.data.datasets import SPLITS, DatasetError, load_dataset


def describe_machine(environments: Iterable[EnvironmentSpec]) -> dict[str, str]:
    """Describes what the numbers of a study depend on: versions, our code, and the images.

    Args:
        environments: What the agents of the study learn in.

    Returns:
        Versions and SHA-256 checksums, by what they are of.

    Raises:
        DatasetError: This machine lacks images.
    """
    described = {
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "NumPy": np.__version__,
        "glimpse_env": glimpse_env.__version__,
        "the code of glimpse_env, agents and explain": _code_checksum(),
    }
    for config in (environment.config for environment in environments):
        for split in SPLITS:
            data = load_dataset(config.dataset, split, config.data_dir, config.image_size)
            described[f"the data set {config.dataset!r} ({split})"] = data.checksum
    return described


def check_machine(expected: Mapping[str, str], environments: Iterable[EnvironmentSpec]) -> None:
    """Checks that this machine has what another one has.

    Args:
        expected: What `describe_machine` returned on the other one.
        environments: The environments that it was called with.

    Raises:
        DatasetError: This machine lacks images.
        ValueError: Something differs.
    """
    machine = platform.node()
    try:
        described = describe_machine(environments)
    except DatasetError as error:
        raise DatasetError(f"machine {machine}: {error}") from error
    for what, value in expected.items():
        if described[what] != value:
            raise ValueError(
                f"expected {what} to be {value} on every machine, as where the study was started, got "
                f"{described[what]} on {machine}"
            )


def _code_checksum() -> str:
    checksum = hashlib.sha256()
    for package in (glimpse_env, agents, explain):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*.py")):
            checksum.update(path.relative_to(folder.parent).as_posix().encode() + path.read_bytes())
    return checksum.hexdigest()[:12]
