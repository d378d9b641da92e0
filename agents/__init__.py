"""Agents that look: a recurrent policy, three algorithms to train it, and all others through an adapter."""

import os
from typing import Any

from agents.algorithms import checkpoint as saving
from agents.algorithms.a2c import A2C
from agents.algorithms.base import Algorithm, TrainingDiverged
from agents.algorithms.checkpoint import InvalidAgentError
from agents.algorithms.losses import LossWeights
from agents.algorithms.ppo import PPO, PPOSettings
from agents.algorithms.reinforce import REINFORCE
from agents.algorithms.schedules import Schedule
from agents.algorithms.settings import Settings
from agents.baselines.convnet import ConvNet, convnet_accuracy, train_convnet
from agents.baselines.location_policies import LocationOverride, look_at_centre, look_at_random, look_by_raster_scan
from agents.evaluation import Evaluation, evaluate
from agents.policy.recurrent_policy import RAMPolicy
from agents.presets import PRESETS, Preset, find_preset
from agents.sb3.features import GlimpseFeatures
from agents.sb3.vec_env import GlimpseVecEnv, make_sb3_env

__all__ = [
    "A2C",
    "ALGORITHMS",
    "PPO",
    "PRESETS",
    "REINFORCE",
    "Algorithm",
    "ConvNet",
    "Evaluation",
    "GlimpseFeatures",
    "GlimpseVecEnv",
    "InvalidAgentError",
    "LocationOverride",
    "LossWeights",
    "PPOSettings",
    "Preset",
    "RAMPolicy",
    "Schedule",
    "Settings",
    "TrainingDiverged",
    "convnet_accuracy",
    "evaluate",
    "find_preset",
    "load",
    "look_at_centre",
    "look_at_random",
    "look_by_raster_scan",
    "make_sb3_env",
    "train_convnet",
]

ALGORITHMS: dict[str, type[Algorithm]] = {"REINFORCE": REINFORCE, "A2C": A2C, "PPO": PPO}


def load(path: str | os.PathLike[str], env: Any = None, device: str = "auto") -> Algorithm:
    """Loads a saved agent, whatever algorithm it learnt with.

    Args:
        path: The zip that `Algorithm.save` wrote.
        env: Where it lives from now on, as for `Algorithm`; by default where it lived before.
        device: Where its weights go.

    Raises:
        FileNotFoundError: There is no such file.
        InvalidAgentError: It is truncated, was tampered with, or is of a newer format.
        ValueError: The environment has other spaces than the one that the agent was trained in.
    """
    description, tensors = saving.AGENTS.read(path)
    name = description.get("algorithm")
    if name not in ALGORITHMS:
        raise InvalidAgentError(path, f"its algorithm is {name!r}, none of {', '.join(ALGORITHMS)}")
    return ALGORITHMS[name].from_saved(path, description, tensors, env, device)
