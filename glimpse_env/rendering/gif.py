"""An episode as an animated GIF."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym

from glimpse_env.utils.paths import read_file_path

LAST_FRAME_SECONDS = 2.0


def save_gif(
    env: gym.Env[Any, Any],
    path: str | os.PathLike[str],
    policy: Callable[[Any], Any] | None = None,
    *,
    seed: int | None = None,
    options: dict[str, Any] | None = None,
) -> Path:
    """Plays one episode and saves it as an animated GIF that loops.

    Args:
        env: A glimpse environment with `render_mode="rgb_array"`.
        path: Where to write; missing folders are made.
        policy: Maps an observation to an action; by default actions are random.
        seed: For `env.reset`.
        options: For `env.reset`, for example `{"index": 7}`.

    Returns:
        `path`.

    Raises:
        TypeError: `env` is no single environment, but, for example, a vector environment.
        ValueError: `env` does not render images.
    """
    # Importing Pillow would take a third of the time of importing glimpse_env.
    from PIL import Image

    if not isinstance(env, gym.Env):
        raise TypeError(f"expected a single environment, got {env}")
    if env.render_mode != "rgb_array":
        raise ValueError(f'expected an environment with render_mode="rgb_array", got {env.render_mode!r}')
    if policy is None and seed is not None:
        env.action_space.seed(seed)
    observation, _ = env.reset(seed=seed, options=options)
    frames: list[Any] = [env.render()]
    over = False
    while not over:
        action = env.action_space.sample() if policy is None else policy(observation)
        observation, _, terminated, truncated, _ = env.step(action)
        over = terminated or truncated
        frames.append(env.render())
    path = read_file_path("path", path)
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [Image.fromarray(frame) for frame in frames]
    seconds = [1 / env.metadata["render_fps"]] * (len(images) - 1) + [LAST_FRAME_SECONDS]
    durations = [1000 * s for s in seconds]
    images[0].save(path, format="GIF", save_all=True, append_images=images[1:], duration=durations, loop=0)
    return path
