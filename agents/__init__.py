"""Agents that look: a recurrent policy, four algorithms to train it, and all others through an adapter."""

from agents.agent import TrainingDiverged
from agents.algorithms.base import Algorithm
from agents.algorithms.branching import Branching, BranchingSettings
from agents.algorithms.checkpoint import InvalidAgentError
from agents.algorithms.losses import LossWeights
from agents.algorithms.policy_gradient import A2C, REINFORCE, A2CSettings
from agents.algorithms.ppo import PPO, PPOSettings
from agents.algorithms.schedules import Schedule
from agents.algorithms.settings import Settings
from agents.baselines.convnet import ConvNet, convnet_accuracy, train_convnet
from agents.baselines.location_policies import LocationOverride, look_at_centre, look_at_random, look_by_raster_scan
from agents.distributed import ProcessLostError
from agents.evaluation import Evaluation, evaluate
from agents.loading import ALGORITHMS, load
from agents.policy.recurrent_policy import RAMPolicy
from agents.presets import PRESETS, Preset, find_preset
from agents.pretrained.catalogue import find_pretrained_vae, list_pretrained, load_pretrained, read_card
from agents.runs import RunFolder
from agents.sb3.features import GlimpseFeatures
from agents.sb3.vec_env import GlimpseVecEnv, make_sb3_env
from agents.training import TrainingInterrupted, train
from glimpse_env.utils.folder_lock import FolderInUseError

__all__ = [
    "A2C",
    "ALGORITHMS",
    "PPO",
    "PRESETS",
    "REINFORCE",
    "A2CSettings",
    "Algorithm",
    "Branching",
    "BranchingSettings",
    "ConvNet",
    "Evaluation",
    "FolderInUseError",
    "GlimpseFeatures",
    "GlimpseVecEnv",
    "InvalidAgentError",
    "LocationOverride",
    "LossWeights",
    "PPOSettings",
    "Preset",
    "ProcessLostError",
    "RAMPolicy",
    "RunFolder",
    "Schedule",
    "Settings",
    "TrainingDiverged",
    "TrainingInterrupted",
    "convnet_accuracy",
    "evaluate",
    "find_preset",
    "find_pretrained_vae",
    "list_pretrained",
    "load",
    "load_pretrained",
    "look_at_centre",
    "look_at_random",
    "look_by_raster_scan",
    "make_sb3_env",
    "read_card",
    "train",
    "train_convnet",
]
