"""Packaging: a trained agent becomes a small file without what only training needs, with a card."""

from __future__ import annotations

import platform
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import torch

import glimpse_env
from agents.algorithms.base import Algorithm
from agents.algorithms.checkpoint import AGENTS
from agents.evaluation import Evaluation, evaluate
from agents.loading import load
from agents.pretrained.catalogue import CARD
from agents.runs import RunFolder
from glimpse_env.utils.atomic import write_json


def package_agent(run: RunFolder, folder: Path, seconds: float | None = None) -> dict[str, Any]:
    """Packages the agent of a run folder: `agent.zip` in half precision without the optimizer's state, and its card.

    The card's figures are those of the packaged file, on the whole test split.

    Args:
        run: The run folder, with the arguments of the training.
        folder: Where the package goes.
        seconds: How long the training took, if that was measured.

    Returns:
        The card.

    Raises:
        FileNotFoundError: The run folder has no agent, or no arguments.
    """
    agent = run.load_agent("cpu")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / run.agent_name
    tensors = agent.state.tensors()
    half = {name: weight.half() for name, weight in tensors["policy"].items()}
    AGENTS.write(path, agent.describe(), {"policy": half, "generator": tensors["generator"]})
    packaged = load(path, device="cpu")
    card = make_card(packaged, evaluate(packaged), run.read_arguments(), agent.state.computed_with, seconds)
    write_json(folder / CARD, card)
    return card


def make_card(
    agent: Algorithm,
    evaluation: Evaluation,
    arguments: dict[str, Any],
    trained_with: dict[str, Any],
    seconds: float | None,
) -> dict[str, Any]:
    """What a user should know of a trained agent.

    Args:
        agent: The agent.
        evaluation: What was measured of it.
        arguments: Those of the training, by the names of the command line.
        trained_with: The device of the training and the like; see `TrainingState.computes_with`.
        seconds: How long the training took, or None if that was not measured.
    """
    environment = agent.spec.environment
    percent = 100 * np.stack([evaluation.accuracy, evaluation.low, evaluation.high], axis=1)
    options = {name: arguments[name] for name in ("images", "seed")}
    for group, prefix in (("environment", "env"), ("settings", "settings")):
        options |= {f"{prefix}.{name}".replace("_", "-"): value for name, value in arguments.get(group, {}).items()}
    command = shlex.join(["python", "-m", "agents", "train", arguments["env"], *_as_arguments(options)])
    return {
        "task": {"id": environment.env_id, **environment.arguments},
        "algorithm": type(agent).__name__,
        "policy": agent.spec.policy_kwargs,
        "command": command,
        "seed": agent.spec.seed,
        "images": agent.num_timesteps // agent.num_glimpses,
        "trained_with": trained_with,
        "seconds": seconds,
        "test_images": evaluation.num_images,
        "correct_after_each_glimpse_percent": percent[:, 0].round(2).tolist(),
        "confidence_95_percent": percent[:, 1:].round(2).tolist(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "glimpse_env": glimpse_env.__version__,
        },
    }


def _as_arguments(options: dict[str, Any]) -> list[str]:
    """Options of a command line, each name followed by its value, or by its values."""
    return [
        argument
        for name, value in options.items()
        for argument in (f"--{name}", *map(str, value if isinstance(value, list | tuple) else [value]))
    ]
