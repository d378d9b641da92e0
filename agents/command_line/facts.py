"""What a report says of an agent: what it is, how it was trained and in what, as plain numbers and names."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agents.algorithms.base import Algorithm
from agents.environments import EnvironmentSpec
from agents.policy.recurrent_policy import RAMPolicy
from agents.sb3.agent import SB3Agent

Facts = Mapping[str, Mapping[str, Any]]
"""Names and values in sections."""


def facts_of_agent(agent: Algorithm) -> Facts:
    """What is to be said of an agent of this library."""
    spec = agent.spec
    parameters = inspect.signature(RAMPolicy).parameters.values()
    defaults = {one.name: one.default for one in parameters if one.name != "seed" and one.default is not one.empty}
    return {
        "agent": {"algorithm": type(agent).__name__, **(defaults | spec.policy_kwargs)},
        "training": {
            "images": agent.num_timesteps // agent.num_glimpses,
            "seed": spec.seed,
            **asdict(spec.settings),
        },
        "environment": _facts_of_environment(spec.environment),
    }


def facts_of_model(agent: SB3Agent) -> Facts:
    """What is to be said of a model of Stable-Baselines3: of its settings, those that are plain numbers and names."""
    model = agent.model
    library = sys.modules[type(model).__module__.partition(".")[0]]
    settings = {name: getattr(model, name, None) for name in inspect.signature(type(model)).parameters}
    return {
        "agent": {
            "algorithm": type(model).__name__,
            "library": f"{library.__name__} {library.__version__}",
            "policy": type(model.policy).__name__,
            "parameters": sum(weight.numel() for weight in model.policy.parameters()),
        },
        "training": {
            "images": agent.num_timesteps // agent.num_glimpses,
            **{name: value for name, value in settings.items() if isinstance(value, bool | int | float | str)},
        },
        "environment": _facts_of_environment(agent.environment),
    }


def _facts_of_environment(environment: EnvironmentSpec) -> dict[str, Any]:
    return {"id": environment.env_id, **environment.arguments}
