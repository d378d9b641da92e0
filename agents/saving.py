"""Saved agents: one zip with `agent.json` and `tensors.pt`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import torch

import glimpse_env
from glimpse_env.archive import Archive, InvalidFileError

if TYPE_CHECKING:
    from agents.algorithm import Algorithm

FORMAT = 1
"""Version of the format; a file of a newer one is refused."""


class InvalidAgentError(InvalidFileError):
    """A file is not an agent that can be loaded."""

    kind = "an agent"


AGENTS = Archive("agent", FORMAT, InvalidAgentError)

_COUNTS = ("num_timesteps", "num_rollouts", "total_timesteps")


def describe(agent: Algorithm) -> dict[str, Any]:
    """What goes into `agent.json`."""
    return {
        "algorithm": type(agent).__name__,
        "agent": agent.spec.to_json(),
        **{name: getattr(agent, name) for name in _COUNTS},
        "accuracy": agent.accuracy,
        "versions": {module.__name__: module.__version__ for module in (torch, gym, glimpse_env)},
    }


def tensors_of(agent: Algorithm) -> dict[str, Any]:
    """What goes into `tensors.pt`."""
    return {
        "policy": agent.policy.state_dict(),
        "optimizer": agent.optimizer.state_dict(),
        "generator": agent.generator.get_state(),
    }


def restore(agent: Algorithm, description: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Gives a fresh agent the state of a saved one."""
    for name in _COUNTS:
        setattr(agent, name, int(description[name]))
    agent.accuracy = description["accuracy"]
    agent.policy.load_state_dict(tensors["policy"])
    agent.optimizer.load_state_dict(tensors["optimizer"])
    agent.generator.set_state(tensors["generator"].cpu())
