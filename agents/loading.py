"""Loading a saved agent, whatever algorithm it learnt with."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import torch
from stable_baselines3.common import utils

from agents.algorithms.base import Algorithm
from agents.algorithms.branching import Branching
from agents.algorithms.checkpoint import AGENTS
from agents.algorithms.devices import choose_device
from agents.algorithms.policy_gradient import A2C, REINFORCE
from agents.algorithms.ppo import PPO

ALGORITHMS: dict[str, type[Algorithm]] = {"REINFORCE": REINFORCE, "A2C": A2C, "PPO": PPO, "Branching": Branching}
"""By the name that a saved agent gives."""


def load(
    path: str | os.PathLike[str] | BinaryIO,
    env: Any = None,
    device: torch.device | str = "auto",
    custom_objects: dict[str, Any] | None = None,
    print_system_info: bool = False,
    **changes: Any,
) -> Algorithm:
    """Loads a saved agent, whatever algorithm it learnt with.

    Args:
        path: The zip that `Algorithm.save` wrote, or a file with its content that is open for reading.
        env: The environment that it uses from now on, as for `Algorithm`; by default that of before.
        device: Where its weights go.
        custom_objects: More changes, as Stable-Baselines3 takes them.
        print_system_info: Whether to print the versions of what is installed.
        **changes: As of `Algorithm.load`.

    Raises:
        FileNotFoundError: There is no such file.
        InvalidAgentError: It is truncated, was tampered with, or is of a newer format.
        ValueError: The environment has other spaces than the one that the agent was trained in.
    """
    if print_system_info:
        utils.get_system_info()
    with AGENTS.open(path) as saved:
        name = saved.description.get("algorithm")
        if not isinstance(name, str) or name not in ALGORITHMS:
            raise ValueError(f"its algorithm is {name!r}, none of {', '.join(ALGORITHMS)}")
        agent = ALGORITHMS[name].from_saved(saved, choose_device(device))
    agent.change(env, {**(custom_objects or {}), **changes})
    return agent
