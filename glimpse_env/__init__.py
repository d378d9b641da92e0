"""Hard attention as Gymnasium environments: importing this package registers their ids."""

from glimpse_env.config import WorldConfig
from glimpse_env.data.datasets import DatasetError, dataset_names, load_dataset, register_dataset
from glimpse_env.discrete_actions import DiscreteActions, VectorDiscreteActions
from glimpse_env.environment import GlimpseEnv
from glimpse_env.registration import IDS, register_ids
from glimpse_env.rendering.gif import save_gif
from glimpse_env.reward_wrappers import (
    AnytimeReward,
    EntropyShapedReward,
    HardAttentionReward,
    InformationGainReward,
    VectorAnytimeReward,
    VectorEntropyShapedReward,
    VectorHardAttentionReward,
    VectorInformationGainReward,
)
from glimpse_env.vector import GlimpseVectorEnv

__version__ = "0.1.0"

__all__ = [
    "IDS",
    "AnytimeReward",
    "DatasetError",
    "DiscreteActions",
    "EntropyShapedReward",
    "GlimpseEnv",
    "GlimpseVectorEnv",
    "HardAttentionReward",
    "InformationGainReward",
    "VectorAnytimeReward",
    "VectorDiscreteActions",
    "VectorEntropyShapedReward",
    "VectorHardAttentionReward",
    "VectorInformationGainReward",
    "WorldConfig",
    "dataset_names",
    "load_dataset",
    "register_dataset",
    "save_gif",
]

register_ids()
