"""The catalogue of packaged agents: their names and cards, and how they are loaded and unpacked."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from agents.algorithms.base import Algorithm
from agents.loading import load
from agents.pretrained.history import CARD
from agents.runs import RunFolder
from glimpse_env.utils.errors import unknown_name_error

FILES = Path(__file__).parent / "files"
"""Holds a folder for each packaged agent: `agent.zip`, `card.json`, and `vae.zip` where it has a VAE."""
VAE = "vae.zip"


def list_pretrained() -> list[str]:
    """The names of the agents that come with the package, in alphabetical order."""
    return sorted(card.parent.name for card in FILES.glob(f"*/{CARD}"))


def load_pretrained(name: str, env: Any = None, device: str = "auto") -> Algorithm:
    """Loads an agent that comes with the package.

    It acts as the agent that was trained does, up to the rounding of its weights to half precision. It has no state of
    the optimizer, so that training it further begins with a new one.

    Args:
        name: One of `list_pretrained()`.
        env: The environment that it uses from now on, as for `agents.load`.
        device: Where its weights go.

    Raises:
        InvalidAgentError: The packaged file is damaged.
        ValueError: There is no such agent, or the environment has other spaces.
    """
    return load(_folder(name) / RunFolder(Path()).agent_name, env, device)


def read_card(name: str) -> dict[str, Any]:
    """Reads the card of a packaged agent: its task, measured figures, and how it was made; see `make_card`.

    Raises:
        ValueError: There is no such agent.
    """
    card: dict[str, Any] = json.loads((_folder(name) / CARD).read_text(encoding="utf-8"))
    return card


def find_pretrained_vae(name: str) -> Path:
    """Finds the VAE of a packaged agent, which `explain.HiddenStateVAE.load` loads.

    It was fitted on the agent's hidden states, and reconstructs the clean image.

    Raises:
        FileNotFoundError: This agent has none.
        ValueError: There is no such agent.
    """
    path = _folder(name) / VAE
    if not path.is_file():
        raise FileNotFoundError(f"the packaged agent {name!r} comes without a VAE: fit one with explain.fit_vae")
    return path


def find_run(agent: str | os.PathLike[str], unpack_into: Path = Path("runs", "pretrained")) -> RunFolder:
    """Finds the run folder that a user means.

    Args:
        agent: A run folder, the file of a saved agent, or the name of a packaged one, which is unpacked.
        unpack_into: A packaged agent gets a folder of its name in there, so that what is written beside it stays out of
            the package. One that is there already is taken as it is.

    Raises:
        FileNotFoundError: It is none of these.
    """
    name = os.fspath(agent)
    if Path(agent).exists() or name not in list_pretrained():
        try:
            return RunFolder.of(agent)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}; {unknown_name_error('packaged agent', name, list_pretrained())}"
            ) from error
    run = RunFolder(unpack_into / name)
    if not run.agent.exists():
        shutil.copytree(_folder(name), run.path, dirs_exist_ok=True)
    return run


def _folder(name: str) -> Path:
    if name not in list_pretrained():
        raise unknown_name_error("packaged agent", name, list_pretrained())
    return FILES / name
