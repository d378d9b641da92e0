"""A sweep: an agent looks at every image of a split, each exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.vector import GlimpseVectorEnv
from glimpse_env.world import World


class Agent(Protocol):
    """Anything that acts as Stable-Baselines3's models do."""

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        """Returns actions and the next state for a batch of observations."""


@dataclass(frozen=True, eq=False)
class GlimpseBatch:
    """One glimpse of a batch of images, what the agent made of it, and what that earned.

    A batch has as many rows as the environment has copies; only the first `len(images)` are new.

    Attributes:
        images: Which images of the split they are, `(n,)` int64.
        glimpse: Number of the glimpse, from 0.
        observation: What the agent saw.
        state: Its state thereafter, as `predict` returned it.
        logits: Its logits, as the environment understood them, `(N, C)` float32.
        rewards: `(N,)`.
        canvases: What there was to see, `(N, channels, H, W)` uint8.
    """

    images: NDArray[np.int64]
    glimpse: int
    observation: dict[str, NDArray[np.float32]]
    state: Any
    logits: NDArray[np.float32]
    rewards: NDArray[Any]
    canvases: NDArray[np.uint8]


def dataset_rollout(
    agent: Agent, env: VectorEnv[Any, Any, Any], num_images: int | None = None, *, seed: int = 0
) -> Iterator[GlimpseBatch]:
    """Shows an agent the images of a split in their order, and lets it act without chance.

    Image `i` is seen as `env.reset(seed=seed + i, options={"index": i})` shows it in a single environment: how many
    copies the vector environment has makes no difference.

    Args:
        agent: Who looks; it is reached through `predict` alone.
        env: A native vector environment, wrapped as the agent needs it.
        num_images: How many images; by default all of the split.
        seed: Of the first location of each image, where the environment draws it.

    Yields:
        The glimpses of a batch, one after the other, then those of the next.

    Raises:
        ValueError: `env` is no native vector environment, or the split has fewer images.
    """
    world = world_of(env)
    size = len(world.dataset.images)
    count = size if num_images is None else num_images
    if not 1 <= count <= size:
        raise ValueError(f"expected num_images between 1 and {size}, got {count}")
    for first in range(0, count, env.num_envs):
        batch = np.arange(first, first + env.num_envs)
        seeds = [seed + image for image in batch.tolist()]
        # The rest of the last batch is filled up from the start.
        observation, _ = env.reset(seed=seeds, options={"index": batch % count})  # type: ignore[arg-type]
        canvases = to_numpy(world.canvases)
        state, start = None, np.ones(env.num_envs, dtype=bool)
        for glimpse in range(world.config.num_glimpses):
            seen = {key: to_numpy(value) for key, value in observation.items()}
            action, state = agent.predict(seen, state=state, episode_start=start, deterministic=True)
            observation, rewards, _, _, _ = env.step(action)
            start = np.zeros_like(start)
            images = batch[batch < count]
            yield GlimpseBatch(images, glimpse, seen, state, to_numpy(world.logits), to_numpy(rewards), canvases)


def world_of(env: VectorEnv[Any, Any, Any]) -> World:
    """The world of a native vector environment, however it is wrapped.

    Raises:
        ValueError: `env` is no native vector environment.
    """
    native = env.unwrapped
    if not isinstance(native, GlimpseVectorEnv):
        raise ValueError(f"expected a native vector environment of glimpses, got {env}")
    return native.world


def to_numpy(values: Any) -> NDArray[Any]:
    """A NumPy array of an array or a tensor on any device; not a copy where it need not be."""
    return values.cpu().numpy() if isinstance(values, Tensor) else values
