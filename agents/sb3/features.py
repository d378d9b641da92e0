"""The glimpse network as a features extractor of Stable-Baselines3."""

from __future__ import annotations

from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from agents.policy.networks import GlimpseNetwork


class GlimpseFeatures(BaseFeaturesExtractor):
    """Gives the policies of Stable-Baselines3 and sb3-contrib the glimpse network that our own have.

    Args:
        observation_space: Of a glimpse environment.
        what_size: Features of the glimpse before they are combined.
        where_size: Features of the location before they are combined.
        size: Features of both.

    Example:
        >>> from stable_baselines3 import PPO
        >>> from agents import make_sb3_env
        >>> env = make_sb3_env("glimpse_env:GlimpseDigits-v0", num_envs=4)
        >>> policy_kwargs = dict(features_extractor_class=GlimpseFeatures, features_extractor_kwargs=dict(size=64))
        >>> model = PPO("MultiInputPolicy", env, policy_kwargs=policy_kwargs)
        >>> model.policy.features_dim
        64
    """

    def __init__(
        self, observation_space: spaces.Dict, what_size: int = 128, where_size: int = 128, size: int = 256
    ) -> None:
        super().__init__(observation_space, features_dim=size)
        shape = observation_space["glimpse"].shape
        assert shape is not None
        self.network = GlimpseNetwork(shape, what_size, where_size, size)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Maps `glimpse` `(N, num_scales * channels, g, g)` and `location` `(N, 2)` to features `(N, size)`."""
        features: Tensor = self.network(observations["glimpse"], observations["location"])
        return features
