"""Dataset rollouts: an agent looks at every image of a split, each exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.config import check_integer
from glimpse_env.utils.errors import shown
from glimpse_env.vector import GlimpseVectorEnv
from glimpse_env.world import World


class Agent(Protocol):
    """Anything that acts as Stable-Baselines3's models do."""

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        """Returns actions and the next state for a batch of observations."""


@dataclass(frozen=True, eq=False)
class GlimpseBatch:
    """One glimpse of a batch of images, what the agent did after it, and what that earned.

    N is the number of sub-environments. Only the first n = `len(images)` rows count: the last batch of a rollout is
    filled up with images that it has had before.

    Attributes:
        images: Indices of the images in the split, `(n,)` int64.
        glimpse: Number of the glimpse, from 0.
        observation: What the agent saw.
        state: The state of the agent after it, as `predict` returned it.
        logits: The logits of its action, clipped to [-20, 20], `(N, num_classes)` float32.
        rewards: Rewards of the action, `(N,)`.
        canvases: The whole canvases, `(N, C, H, W)` uint8.
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
    """Shows an agent the images of a split in order, and lets it act deterministically.

    Image `i` is shown as in a single environment after `env.reset(seed=seed + i, options={"index": i})`, however many
    sub-environments there are.

    Args:
        agent: The agent; only its `predict` is called.
        env: A native vector environment, with the wrappers that the agent needs.
        num_images: Number of images; by default all of the split.
        seed: Seed of the first location of image 0, where the environment draws it; that of image `i` is `seed + i`.

    Yields:
        The glimpses of a batch, one after the other, then those of the next.

    Raises:
        TypeError: `num_images` or `seed` is not an integer.
        ValueError: `env` is no native vector environment, the split has fewer images, or the seed is negative.
    """
    world = world_of(env)
    size = len(world.dataset.images)
    check_integer("seed", seed, 0)
    if num_images is not None:
        check_integer("num_images", num_images, 1, size)
    count = size if num_images is None else int(num_images)
    for first in range(0, count, env.num_envs):
        batch = np.arange(first, first + env.num_envs)
        seeds = [int(seed) + image for image in batch.tolist()]
        # The last batch is filled up with the first images.
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
    native = getattr(env, "unwrapped", None)
    if not isinstance(native, GlimpseVectorEnv):
        raise ValueError(f"expected a native vector environment of glimpses, got {shown(env)}")
    return native.world


def to_numpy(values: Any) -> NDArray[Any]:
    """Turns an array, or a tensor on any device, into a NumPy array, without copying where possible."""
    return values.cpu().numpy() if isinstance(values, Tensor) else values
