"""The rewards as wrappers, each for single and for vector environments."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import Env
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper
from torch import Tensor

from glimpse_env import rewards
from glimpse_env.world import World

DEFAULT_WEIGHT = 0.5


class _Purse:
    """Pays for each action of every copy: at the end for the answer, before that for what a potential gained.

    The gain is that since the action before, or since the first belief, which is the uniform one.
    """

    def __init__(
        self,
        env: Env[Any, Any] | VectorEnv[Any, Any, Any],
        potential: rewards.Potential | None,
        weight: float,
        since_first: bool,
    ):
        world = getattr(env.unwrapped, "world", None)
        space = env.single_action_space if isinstance(env, VectorEnv) else env.action_space
        if not isinstance(world, World) or space != world.action_space:
            raise ValueError(
                "expected a glimpse environment (of several, the native vector environment) whose actions are "
                f"locations and logits, got {env} with {space}; DiscreteActions goes around the reward, not below"
            )
        self._world = world
        self._potential = potential
        self._weight = read_weight(weight)
        self._since_first = since_first
        self._first = rewards.first_potential(world.num_envs, world.dataset.num_classes, world.device)
        self.open()

    def open(self) -> None:
        """Begins an episode: nobody believes anything yet."""
        self._previous = self._first

    @property
    def labels(self) -> Tensor:
        return self._world.labels

    def pay(self, labels: Tensor, ended: bool) -> Tensor | None:
        """Pays for the action that every copy has just taken.

        Args:
            labels: The labels of the episodes that the actions belong to, `(N,)`.
            ended: Whether they were the last of these episodes.

        Returns:
            `(N,)` float32, or None where there is nothing to pay.
        """
        logits = self._world.logits
        payment = rewards.hard_reward(logits, labels) if ended else None
        if self._potential is not None:
            potential = self._potential(logits, labels)
            gain = rewards.shaping(potential, self._previous, self._weight)
            payment = gain if payment is None else payment + gain
            if not self._since_first:
                self._previous = potential
            if ended:
                self.open()
        return payment


def read_weight(weight: Any) -> float:
    """Returns the weight of a reward as a float.

    Raises:
        TypeError: It is no number.
        ValueError: It is not finite.
    """
    if not isinstance(weight, Real) or isinstance(weight, bool):
        raise TypeError(f"expected the reward's weight to be a finite number, got {weight!r}")
    if not math.isfinite(weight):
        raise ValueError(f"expected the reward's weight to be a finite number, got {weight!r}")
    return float(weight)


class _RewardWrapper(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    potential: rewards.Potential | None = None
    since_first = False

    def __init__(self, env: Env[Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        gym.Wrapper.__init__(self, env)
        self._purse = _Purse(env, type(self).potential, weight, self.since_first)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode, and with it the count of what was gained."""
        result = self.env.reset(seed=seed, options=options)
        self._purse.open()
        return result

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Takes an action and pays for it."""
        observation, _, terminated, truncated, info = self.env.step(action)
        payment = self._purse.pay(self._purse.labels, terminated)
        return observation, 0.0 if payment is None else payment.item(), terminated, truncated, info


class _VectorRewardWrapper(VectorWrapper[Any, Any, Any, Any, Any]):
    potential: rewards.Potential | None = None
    since_first = False

    def __init__(self, env: VectorEnv[Any, Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        super().__init__(env)
        self._purse = _Purse(env, type(self).potential, weight, self.since_first)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begins an episode on every copy, and with it the count of what was gained."""
        result = self.env.reset(seed=seed, options=options)
        self._purse.open()
        return result

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Takes an action on every copy and pays for it."""
        labels = self._purse.labels  # the step that ends these episodes brings those of the next
        observations, nothing, terminations, truncations, infos = self.env.step(actions)
        payment = self._purse.pay(labels, bool(terminations[0]))
        if payment is None:
            return observations, nothing, terminations, truncations, infos
        if isinstance(nothing, np.ndarray):
            return observations, payment.numpy().astype(nothing.dtype), terminations, truncations, infos
        return observations, payment, terminations, truncations, infos


class HardAttentionReward(_RewardWrapper):
    """Pays 1 for the last action if the most believed class is the label, and 0 for all others.

    Like the other rewards, it takes the place of whatever `env` pays.
    The reward of the Recurrent Attention Model (Mnih et al. 2014, section 3.2).

    Args:
        env: A glimpse environment.

    Raises:
        ValueError: `env` is no glimpse environment, or has other actions than locations and logits.
    """

    def __init__(self, env: Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)


class _ShapedReward(_RewardWrapper):
    def __init__(self, env: Env[Any, Any], weight: float = DEFAULT_WEIGHT) -> None:
        RecordConstructorArgs.__init__(self, weight=weight)
        super().__init__(env, weight)


class EntropyShapedReward(_ShapedReward):
    """Pays, on top of the hard reward, for becoming certain: `weight * (H_{t-1} - H_t)`.

    `H_t` is the entropy of the belief in action t, in nats, and `H_0 = log C` for C classes. An episode pays the hard
    reward plus `weight * (log C - H_T)`, whether the certainty is right or wrong.

    Args:
        env: A glimpse environment.
        weight: Reward for a nat.

    Raises:
        TypeError: `weight` is no number.
        ValueError: `env` is no glimpse environment, has other actions than locations and logits, or `weight` is
            not finite.
    """

    potential = staticmethod(rewards.certainty)


class InformationGainReward(_ShapedReward):
    """Pays, on top of the hard reward, for becoming rightly certain: `weight * (log p_t(y) - log p_{t-1}(y))`.

    `p_t` is the belief in action t, `y` the label, and `p_0` is uniform over C classes. An episode pays the hard reward
    plus `weight * (log p_T(y) + log C)`, which is negative for a confident wrong answer.

    Args:
        env: A glimpse environment.
        weight: Reward for a nat.

    Raises:
        TypeError: `weight` is no number.
        ValueError: `env` is no glimpse environment, has other actions than locations and logits, or `weight` is
            not finite.
    """

    potential = staticmethod(rewards.label_log_probability)


class AnytimeReward(_ShapedReward):
    """Pays, on top of the hard reward, every belief for being right, not only the last.

    Action t earns `weight * (log p_t(y) + log C)` besides, where `p_t` is the belief in action t and `y` the label of C
    classes: in the mean, that is the label information after glimpse t. The sums of the other shaped rewards telescope:
    all that is left of them is the last belief, and whoever maximises them does not care how soon it knows. This one is
    no potential-based shaping. It pays for knowing soon.

    Args:
        env: A glimpse environment.
        weight: Reward for a nat.

    Raises:
        TypeError: `weight` is no number.
        ValueError: `env` is no glimpse environment, has other actions than locations and logits, or `weight` is
            not finite.
    """

    potential = staticmethod(rewards.label_log_probability)
    since_first = True


class VectorHardAttentionReward(_VectorRewardWrapper):
    """`HardAttentionReward` for a vector environment."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)


class VectorEntropyShapedReward(_VectorRewardWrapper):
    """`EntropyShapedReward` for a vector environment."""

    potential = staticmethod(rewards.certainty)


class VectorInformationGainReward(_VectorRewardWrapper):
    """`InformationGainReward` for a vector environment."""

    potential = staticmethod(rewards.label_log_probability)


class VectorAnytimeReward(_VectorRewardWrapper):
    """`AnytimeReward` for a vector environment."""

    potential = staticmethod(rewards.label_log_probability)
    since_first = True
