"""Saved agents: one zip with `agent.json` and `tensors.pt`."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch

import glimpse_env
from glimpse_env.utils.archive import Archive, InvalidFileError

if TYPE_CHECKING:
    from agents.algorithms.base import Algorithm

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
        "device": agent.device.type,
        "versions": {module.__name__: module.__version__ for module in (torch, gym, glimpse_env)},
    }


def tensors_of(agent: Algorithm) -> dict[str, Any]:
    """What goes into `tensors.pt`."""
    return {
        "policy": agent.policy.state_dict(),
        "optimizer": agent.optimizer.state_dict(),
        "generator": agent.generator.get_state(),
    }


def snapshot(agent: Algorithm) -> tuple[dict[str, Any], dict[str, Any]]:
    """A copy of an agent's state, which `restore` gives back."""
    return describe(agent), deepcopy(tensors_of(agent))


def restore(agent: Algorithm, description: dict[str, Any], tensors: dict[str, Any]) -> None:
    """Gives an agent the state of a saved one.

    Random numbers of one kind of device cannot be continued on another: there, the generator is seeded anew, always
    alike for the same agent.
    """
    for name in _COUNTS:
        setattr(agent, name, int(description[name]))
    agent.accuracy = description["accuracy"]
    agent.policy.load_state_dict(tensors["policy"])
    agent.optimizer.load_state_dict(tensors["optimizer"])
    generator = tensors["generator"].cpu()
    if description.get("device") == agent.device.type:
        agent.generator.set_state(generator)
    else:
        seeds = np.random.SeedSequence([agent.spec.seed, agent.num_rollouts])
        agent.generator.manual_seed(seeds.generate_state(1, np.uint64).item())
