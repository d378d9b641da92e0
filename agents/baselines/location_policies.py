"""Location policies to compare with: the core and the classifier of a trained agent, with other locations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from glimpse_env.config import MAX_GLIMPSES, check_integer
from glimpse_env.retina import cell_centres
from glimpse_env.spaces import pack_action, unpack_action
from glimpse_env.utils.errors import shown

LocationPolicy = Callable[[NDArray[np.int64]], NDArray[Any]]
"""Chooses locations `(N, 2)` given how many actions were taken before, `(N,)`."""


class TrainedAgent(Protocol):
    """What a location policy needs of an agent, such as `agents.Algorithm` or `SB3Agent`."""

    @property
    def num_glimpses(self) -> int:
        """Steps per episode."""

    def predict(
        self, observation: Any, state: Any, episode_start: Any, deterministic: bool
    ) -> tuple[NDArray[np.float32], Any]:
        """Returns actions and the next state for an observation or a batch of them.

        The state is an array `(N, D)`, a tuple of arrays `(layers, N, size)` as in Stable-Baselines3, or None.
        """

    def make_env(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment of the kind that the agent was trained in."""

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""


def _check_agent(agent: Any) -> None:
    missing = [name for name in ("num_glimpses", "predict", "make_env", "make_vec_env") if not hasattr(agent, name)]
    if missing:
        raise TypeError(
            f"expected an agent as agents.load returns it, with {', '.join(missing)}, got {type(agent).__name__}"
        )


class LocationOverride:
    """An agent with the hidden states and beliefs of another one, and locations from another policy.

    Args:
        agent: The agent whose core and classifier it has.
        location_policy: What chooses the locations.

    Raises:
        TypeError: The agent lacks what `TrainedAgent` has, or the location policy is no function.

    Example:
        >>> from agents import REINFORCE
        >>> agent = look_at_centre(REINFORCE("glimpse_env:GlimpseDigits-v0"))
        >>> observation, _ = agent.make_env().reset(seed=1)
        >>> action, state = agent.predict(observation)
        >>> action[:2], state.shape
        (array([0., 0.], dtype=float32), (257,))
    """

    def __init__(self, agent: TrainedAgent, location_policy: LocationPolicy) -> None:
        _check_agent(agent)
        if not callable(location_policy):
            raise TypeError(f"expected location_policy to be a function, got {shown(location_policy)}")
        self.agent = agent
        self._location_policy = location_policy

    @property
    def num_glimpses(self) -> int:
        """Steps per episode."""
        return self.agent.num_glimpses

    def predict(
        self,
        observation: dict[str, NDArray[np.float32]],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], Any]:
        """Chooses an action for one observation or a batch of them; see `agents.RAMPolicy.predict`.

        Returns:
            The action, and the state: that of the agent, followed by the number of actions taken. An agent that has no
            state gets one of this number alone.

        Raises:
            TypeError: The observation has no location, or a state is neither an array nor a tuple of arrays.
            ValueError: The state is that of another number of observations.
        """
        if not isinstance(observation, Mapping) or "location" not in observation:
            raise TypeError(f"expected an observation with a glimpse and a location, got {shown(observation)}")
        count = np.size(observation["location"]) // 2
        memory, steps = (None, np.zeros(count, dtype=np.int64)) if state is None else _without_steps(state, count)
        action, memory = self.agent.predict(observation, memory, episode_start, deterministic)
        if episode_start is not None:
            steps = np.where(np.asarray(episode_start, dtype=bool).reshape(-1), 0, steps)
        batch = action.shape[:-1]
        locations = self._location_policy(steps).astype(np.float32).reshape(*batch, 2)
        steps_taken = (steps + 1).astype(np.float32).reshape(*batch, 1)
        return pack_action(locations, unpack_action(action).logits), _with_steps(memory, steps_taken)

    def make_env(self, **overrides: Any) -> gym.Env[Any, Any]:
        """Makes a single environment of the kind that the agent was trained in."""
        return self.agent.make_env(**overrides)

    def make_vec_env(self, num_envs: int, **overrides: Any) -> VectorEnv[Any, Any, Any]:
        """Makes a native vector environment of the kind that the agent was trained in."""
        return self.agent.make_vec_env(num_envs, **overrides)


def _with_steps(memory: Any, steps: NDArray[np.float32]) -> Any:
    """The state of an agent followed by a number of steps, `(..., 1)`."""
    if memory is None:
        return steps
    if isinstance(memory, tuple):
        return (*memory, steps.reshape(1, -1, 1))
    if not isinstance(memory, np.ndarray):
        raise TypeError(f"expected an agent whose predict() returns arrays as its state, got {shown(memory)}")
    return np.concatenate([memory, steps], -1)


def _without_steps(state: Any, count: int) -> tuple[Any, NDArray[np.int64]]:
    """Splits what `_with_steps` made for `count` observations."""
    *memory, last = state if isinstance(state, tuple) and state else (state,)
    if not isinstance(last, np.ndarray) or last.ndim == 0 or last.size == 0:
        raise TypeError(f"expected the state that the last call returned, got {shown(state)}")
    steps = last[..., -1]
    if steps.size != count:
        raise ValueError(f"expected the state of {count} observations, got one of shape {last.shape}")
    taken = steps.reshape(count).astype(np.int64)
    if isinstance(state, tuple):
        return tuple(memory), taken
    return (last[..., :-1] if last.shape[-1] > 1 else None), taken


def look_at_random(agent: TrainedAgent, seed: int = 0) -> LocationOverride:
    """Chooses locations with uniform probability, drawn with a seed."""
    check_integer("seed", seed, 0)
    generator = np.random.default_rng(seed)
    return LocationOverride(agent, lambda steps: generator.uniform(-1, 1, (len(steps), 2)))


def look_at_centre(agent: TrainedAgent) -> LocationOverride:
    """Always chooses the centre."""
    return LocationOverride(agent, lambda steps: np.zeros((len(steps), 2)))


def look_by_raster_scan(agent: TrainedAgent) -> LocationOverride:
    """Looks along a raster scan that covers the canvas with the glimpses whose location is chosen."""
    _check_agent(agent)
    places = raster_scan(agent.num_glimpses - 1)
    # The location in the last action is not looked at.
    return LocationOverride(agent, lambda steps: places[steps % len(places)])


def other_location_policies(agent: TrainedAgent) -> dict[str, LocationOverride]:
    """The agents that programs compare an agent with, by the name of their location policy."""
    return {
        "random": look_at_random(agent),
        "centre": look_at_centre(agent),
        "raster scan": look_by_raster_scan(agent),
    }


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
    check_integer("count", count, 0, MAX_GLIMPSES)
    count = max(int(count), 1)
    rows = np.array_split(np.arange(count), round(count**0.5))
    centres = zip(cell_centres(len(rows)).tolist(), rows, strict=True)
    return np.array([[x, y] for y, row in centres for x in cell_centres(len(row)).tolist()], dtype=np.float64)
