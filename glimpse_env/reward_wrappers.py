"""The rewards as wrappers, each for single and for vector environments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import Env
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv

from glimpse_env.autoreset import GlimpseVectorWrapper
from glimpse_env.rewards import DEFAULT_WEIGHT, REWARDS, RewardFunction
from glimpse_env.world import world_behind


class GlimpseReward(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Pays what a reward function computes, in the place of whatever `env` pays.

    The world of the environment holds the reward function and computes the payments; this wrapper hands them out. A
    world holds one reward function: that of the wrapper that was made last.

    Args:
        env: A glimpse environment.
        reward: What is paid.

    Raises:
        ValueError: `env` is no glimpse environment, or has other actions than locations and logits.
    """

    def __init__(self, env: Env[Any, Any], reward: RewardFunction) -> None:
        RecordConstructorArgs.__init__(self, reward=reward)
        gym.Wrapper.__init__(self, env)
        self._world = world_behind(env, env.action_space)
        self._world.reward = reward

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Takes an action and pays for it."""
        observation, _, terminated, truncated, info = self.env.step(action)
        payments = self._world.payments
        return observation, 0.0 if payments is None else payments.item(), terminated, truncated, info


class VectorGlimpseReward(GlimpseVectorWrapper):
    """`GlimpseReward` for a vector environment."""

    def __init__(self, env: VectorEnv[Any, Any, Any], reward: RewardFunction) -> None:
        super().__init__(env)
        self._world = world_behind(env, env.single_action_space)
        self._world.reward = reward

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Takes an action in every sub-environment and pays for it."""
        observations, zeros, terminations, truncations, infos = self.env.step(actions)
        payments: Any = self._world.payments
        if payments is None:
            payments = zeros
        elif isinstance(zeros, np.ndarray):
            payments = payments.numpy().astype(zeros.dtype)
        return observations, payments, terminations, truncations, infos


class HardAttentionReward(GlimpseReward):
    """Pays 1 for the last action if the most probable class is the label, and 0 for all others.

    It is the reward of the Recurrent Attention Model (Mnih et al. 2014, section 3.2). Like all rewards here, it takes
    the place of whatever `env` pays.

    Args:
        env: A glimpse environment.

    Raises:
        ValueError: `env` is no glimpse environment, or has other actions than locations and logits.
    """

    def __init__(self, env: Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env, REWARDS["hard"])


class EntropyShapedReward(GlimpseReward):
    """Pays, on top of the hard reward, for becoming certain: `weight * (H_{t-1} - H_t)`.

    `H_t` is the entropy of the belief in action t, in nats, and `H_0 = log C` for C classes. An episode pays the hard
    reward plus `weight * (log C - H_T)`, whether the most probable class is correct or wrong.

    Args:
        env: A glimpse environment.
        weight: Reward for a nat.

    Raises:
        TypeError: `weight` is no number.
        ValueError: `env` is no glimpse environment, has other actions than locations and logits, or `weight` is
            not in [-1e6, 1e6].
    """

    def __init__(self, env: Env[Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        RecordConstructorArgs.__init__(self, weight=weight)
        super().__init__(env, replace(REWARDS["entropy"], weight=weight))


class InformationGainReward(GlimpseReward):
    """Pays, on top of the hard reward, for belief in the label: `weight * (log p_t(y) - log p_{t-1}(y))`.

    `p_t` is the belief in action t, `y` the label, and `p_0` is uniform over C classes. An episode pays the hard reward
    plus `weight * (log p_T(y) + log C)`, which is negative for a confident wrong answer.

    Args:
        env: A glimpse environment.
        weight: Reward for a nat.

    Raises:
        TypeError: `weight` is no number.
        ValueError: `env` is no glimpse environment, has other actions than locations and logits, or `weight` is
            not in [-1e6, 1e6].
    """

    def __init__(self, env: Env[Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        RecordConstructorArgs.__init__(self, weight=weight)
        super().__init__(env, replace(REWARDS["information"], weight=weight))


class AnytimeReward(GlimpseReward):
    """Pays, on top of the hard reward, for belief in the label at every action: `weight * (log p_t(y) + log C)`.

    `p_t` is the belief in action t and `y` the label, of C classes; the mean of `log p_t(y) + log C` over images is the
    label information after glimpse t. The other shaped rewards telescope, so an episode's sum depends on the last
    belief only. This sum depends on every belief: an episode earns more if the belief is correct soon. The shaping is
    not potential-based.

    Args:
        env: A glimpse environment.
        weight: Reward for a nat.

    Raises:
        TypeError: `weight` is no number.
        ValueError: `env` is no glimpse environment, has other actions than locations and logits, or `weight` is
            not in [-1e6, 1e6].
    """

    def __init__(self, env: Env[Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        RecordConstructorArgs.__init__(self, weight=weight)
        super().__init__(env, replace(REWARDS["anytime"], weight=weight))


class VectorHardAttentionReward(VectorGlimpseReward):
    """`HardAttentionReward` for a vector environment."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env, REWARDS["hard"])


class VectorEntropyShapedReward(VectorGlimpseReward):
    """`EntropyShapedReward` for a vector environment."""

    def __init__(self, env: VectorEnv[Any, Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        super().__init__(env, replace(REWARDS["entropy"], weight=weight))


class VectorInformationGainReward(VectorGlimpseReward):
    """`InformationGainReward` for a vector environment."""

    def __init__(self, env: VectorEnv[Any, Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        super().__init__(env, replace(REWARDS["information"], weight=weight))


class VectorAnytimeReward(VectorGlimpseReward):
    """`AnytimeReward` for a vector environment."""

    def __init__(self, env: VectorEnv[Any, Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        super().__init__(env, replace(REWARDS["anytime"], weight=weight))
