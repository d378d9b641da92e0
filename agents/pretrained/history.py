"""The history of an agent: the trainings that it comes of, each as the command that carries it out."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from agents.runs import RunFolder

CARD = "card.json"


@dataclass(frozen=True)
class History:
    """The trainings that an agent comes of.

    Attributes:
        commands: Their commands, each beginning with the weights that the one before left.
        images: Images of all of them together.
        seconds: How long they took together, or None if that was not measured.
    """

    commands: tuple[str, ...] = ()
    images: int = 0
    seconds: float | None = None


def read_history(run: RunFolder) -> History:
    """Reads the history of the agent in a run folder: from its card if it is a packaged one, else from its arguments.

    Raises:
        FileNotFoundError: There is neither, or no agent.
    """
    card = run.path / CARD
    if card.exists():
        packaged = json.loads(card.read_text(encoding="utf-8"))
        return History(tuple(packaged["commands"]), packaged["images"], packaged["seconds"])
    arguments = run.read_arguments()
    earlier = History(**arguments["earlier"]) if arguments.get("earlier") else History()
    agent = run.load_agent("cpu")
    images = earlier.images + agent.num_timesteps // agent.num_glimpses
    return History((*earlier.commands, command_of(arguments)), images)


def command_of(arguments: dict[str, Any]) -> str:
    """The command that carries a training out, whatever the presets are by then.

    Args:
        arguments: Those of the training, as its run folder has them.
    """
    names = ("algorithm", "core", "reward", "images", "seed", "initial_weights")
    options = {name: arguments[name] for name in names if arguments.get(name) is not None}
    for group, prefix in (("environment", "env"), ("settings", "settings")):
        options |= {f"{prefix}.{name}": value for name, value in arguments.get(group, {}).items()}
    words = [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list | tuple) else [value]))
    ]
    return shlex.join(["python", "-m", "agents", "train", arguments["env"], *words])
