"""Packaging: a trained agent becomes a small file without what only training needs, with a card."""

from __future__ import annotations

import platform
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import glimpse_env
from agents.algorithms.base import Algorithm
from agents.algorithms.checkpoint import AGENTS
from agents.evaluation import Evaluation, evaluate
from agents.loading import load
from agents.pretrained.history import CARD, History, read_history
from agents.runs import RunFolder
from glimpse_env.utils.atomic import write_json


def package_agent(run: RunFolder, folder: Path, seconds: float | None = None) -> dict[str, Any]:
    """Packages the agent of a run folder: `agent.zip` in half precision without the optimizer's state, and its card.

    The card's figures are those of the packaged file, on the whole test split.

    Args:
        run: The run folder, with the arguments of the training.
        folder: Where the package goes.
        seconds: How long the training took, with those before it, if that was measured.

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
    card = make_card(
        packaged, evaluate(packaged), replace(read_history(run), seconds=seconds), agent.state.computed_with
    )
    write_json(folder / CARD, card)
    return card


def make_card(
    agent: Algorithm,
    evaluation: Evaluation,
    history: History,
    trained_with: dict[str, Any],
) -> dict[str, Any]:
    """What a user should know of a trained agent.

    Args:
        agent: The agent.
        evaluation: What was measured of it.
        history: The trainings that it comes of.
        trained_with: The device of the last training and the like; see `TrainingState.computes_with`.
    """
    environment = agent.spec.environment
    percent = 100 * np.stack([evaluation.accuracy, evaluation.low, evaluation.high], axis=1)
    return {
        "task": {"id": environment.env_id, **environment.arguments},
        "algorithm": type(agent).__name__,
        "policy": agent.spec.policy_kwargs,
        **asdict(history),
        "seed": agent.spec.seed,
        "trained_with": trained_with,
        "test_images": evaluation.num_images,
        "correct_after_each_glimpse_percent": percent[:, 0].round(2).tolist(),
        "confidence_95_percent": percent[:, 1:].round(2).tolist(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "glimpse_env": glimpse_env.__version__,
        },
    }
