"""Agents to compare with: the core and the classifier of a trained agent, looking elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from agents.algorithms.base import Algorithm
from glimpse_env.retina import cell_centres
from glimpse_env.spaces import pack_action, unpack_action

Chooser = Callable[[NDArray[np.int64]], NDArray[Any]]
"""Chooses locations `(N, 2)` given how many actions were taken before, `(N,)`."""


class LocationOverride:
    """An agent that remembers and believes as another one does, but is told where to look.

    Args:
        agent: Whose core and classifier it is.
        choose: Where to look instead.

    Example:
        >>> from agents import REINFORCE
        >>> agent = look_at_centre(REINFORCE("glimpse_env:GlimpseDigits-v0"))
        >>> observation, _ = agent.make_env().reset(seed=1)
        >>> action, state = agent.predict(observation)
        >>> action[:2], state.shape
        (array([0., 0.], dtype=float32), (257,))
    """

    def __init__(self, agent: Algorithm, choose: Chooser) -> None:
        self.agent = agent
        self._choose = choose

    def predict(
        self,
        observation: dict[str, NDArray[np.float32]],
        state: NDArray[np.float32] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Chooses an action for one observation or a batch of them; see `agents.RAMPolicy.predict`.

        Returns:
            The action, and the state: the agent's own, with the number of actions taken at its end.
        """
        count = np.size(observation["location"]) // 2
        memory, steps = None, np.zeros(count, dtype=np.int64)
        if state is not None:
            memory, steps = state[..., :-1], state[..., -1].reshape(count).astype(np.int64)
        if episode_start is not None:
            steps = np.where(episode_start, 0, steps)
        action, memory = self.agent.predict(observation, memory, episode_start, deterministic)
        batch = action.shape[:-1]
        locations = self._choose(steps).astype(np.float32).reshape(*batch, 2)
        steps_taken = (steps + 1).astype(np.float32).reshape(*batch, 1)
        replaced = pack_action(locations, unpack_action(action).logits)
        return replaced, np.concatenate([memory, steps_taken], -1)

    def make_env(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment of the kind that the agent was trained in."""
        return self.agent.make_env(**overrides)

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""
        return self.agent.make_vec_env(num_envs, **overrides)


def look_at_random(agent: Algorithm, seed: int = 0) -> LocationOverride:
    """Looks anywhere, with equal probability."""
    generator = np.random.default_rng(seed)
    return LocationOverride(agent, lambda steps: generator.uniform(-1, 1, (len(steps), 2)))


def look_at_centre(agent: Algorithm) -> LocationOverride:
    """Looks at the centre again and again."""
    return LocationOverride(agent, lambda steps: np.zeros((len(steps), 2)))


def look_by_raster_scan(agent: Algorithm) -> LocationOverride:
    """Looks along the rows of a raster that covers the canvas in the glimpses that the agent may choose."""
    places = raster(agent.num_glimpses - 1)
    # The location in the last action is not looked at.
    return LocationOverride(agent, lambda steps: places[steps % len(places)])


def raster(count: int) -> NDArray[np.float64]:
    """Spreads locations evenly over the canvas, row by row from the top left.

    Args:
        count: How many.

    Returns:
        `(count, 2)`, but at least one location, the centre.

    Example:
        >>> raster(5).round(2).tolist()
        [[-0.67, -0.5], [0.0, -0.5], [0.67, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    """
    count = max(count, 1)
    rows = np.array_split(np.arange(count), round(count**0.5))
    centres = zip(cell_centres(len(rows)).tolist(), rows, strict=True)
    return np.array([[x, y] for y, row in centres for x in cell_centres(len(row)).tolist()], dtype=np.float64)
