"""Location policies to compare with: the core and the classifier of a trained agent, with other locations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from glimpse_env.retina import cell_centres
from glimpse_env.spaces import pack_action, unpack_action

LocationPolicy = Callable[[NDArray[np.int64]], NDArray[Any]]
"""Chooses locations `(N, 2)` given how many actions were taken before, `(N,)`."""


class TrainedAgent(Protocol):
    """What a location policy needs of an agent, such as `agents.Algorithm`; its state is one array."""

    @property
    def num_glimpses(self) -> int:
        """Steps per episode."""

    def predict(
        self, observation: Any, state: Any, episode_start: Any, deterministic: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns actions and the next state for an observation or a batch of them."""

    def make_env(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment of the kind that the agent was trained in."""

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""


class LocationOverride:
    """An agent with the hidden states and beliefs of another one, and locations from another policy.

    Args:
        agent: The agent whose core and classifier it has.
        location_policy: What chooses the locations.

    Example:
        >>> from agents import REINFORCE
        >>> agent = look_at_centre(REINFORCE("glimpse_env:GlimpseDigits-v0"))
        >>> observation, _ = agent.make_env().reset(seed=1)
        >>> action, state = agent.predict(observation)
        >>> action[:2], state.shape
        (array([0., 0.], dtype=float32), (257,))
    """

    def __init__(self, agent: TrainedAgent, location_policy: LocationPolicy) -> None:
        self.agent = agent
        self._location_policy = location_policy

    def predict(
        self,
        observation: dict[str, NDArray[np.float32]],
        state: NDArray[np.float32] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Chooses an action for one observation or a batch of them; see `agents.RAMPolicy.predict`.

        Returns:
            The action, and the state: that of the agent, followed by the number of actions taken.
        """
        count = np.size(observation["location"]) // 2
        memory, steps = None, np.zeros(count, dtype=np.int64)
        if state is not None:
            memory, steps = state[..., :-1], state[..., -1].reshape(count).astype(np.int64)
        if episode_start is not None:
            steps = np.where(episode_start, 0, steps)
        action, memory = self.agent.predict(observation, memory, episode_start, deterministic)
        batch = action.shape[:-1]
        locations = self._location_policy(steps).astype(np.float32).reshape(*batch, 2)
        steps_taken = (steps + 1).astype(np.float32).reshape(*batch, 1)
        replaced = pack_action(locations, unpack_action(action).logits)
        return replaced, np.concatenate([memory, steps_taken], -1)

    def make_env(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment of the kind that the agent was trained in."""
        return self.agent.make_env(**overrides)

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""
        return self.agent.make_vec_env(num_envs, **overrides)


def look_at_random(agent: TrainedAgent, seed: int = 0) -> LocationOverride:
    """Chooses locations with uniform probability."""
    generator = np.random.default_rng(seed)
    return LocationOverride(agent, lambda steps: generator.uniform(-1, 1, (len(steps), 2)))


def look_at_centre(agent: TrainedAgent) -> LocationOverride:
    """Always chooses the centre."""
    return LocationOverride(agent, lambda steps: np.zeros((len(steps), 2)))


def look_by_raster_scan(agent: TrainedAgent) -> LocationOverride:
    """Looks along a raster scan that covers the canvas with the glimpses whose location is chosen."""
    places = raster_scan(agent.num_glimpses - 1)
    # The location in the last action is not looked at.
    return LocationOverride(agent, lambda steps: places[steps % len(places)])


def raster_scan(count: int) -> NDArray[np.float64]:
    """Spreads locations evenly over the canvas, row by row from the top left.

    Args:
        count: Number of locations.

    Returns:
        `(count, 2)`, but at least one location, the centre.

    Example:
        >>> raster_scan(5).round(2).tolist()
        [[-0.67, -0.5], [0.0, -0.5], [0.67, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    """
    count = max(count, 1)
    rows = np.array_split(np.arange(count), round(count**0.5))
    centres = zip(cell_centres(len(rows)).tolist(), rows, strict=True)
    return np.array([[x, y] for y, row in centres for x in cell_centres(len(row)).tolist()], dtype=np.float64)
