"""The glimpse environment, any number of copies in one batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from operator import index as as_int
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.config import WorldConfig, check_render_mode, read_options
from glimpse_env.data import counter_rng
from glimpse_env.environment import RENDER_FPS
from glimpse_env.spaces import read_action
from glimpse_env.world import World

ArrayOrTensor = Any
"""A NumPy array, or a torch tensor where the environment was made with a `device`."""


class GlimpseVectorEnv(VectorEnv[dict[str, ArrayOrTensor], ArrayOrTensor, ArrayOrTensor]):
    """Copies of `GlimpseEnv` that all take their steps at once.

    All episodes have the same length, so all copies begin and end together. The step that ends them begins the next
    (autoreset mode `SAME_STEP`): it returns the first observation of the new episodes, and `info` holds the last of the
    old as `final_obs`, what they came to as `final_info` (`label`, `prediction`, `is_success`), and the new `index`.
    Copy `i` of an environment that was seeded with `s` lives through exactly what a single environment lives through
    that was seeded with `s + i`.

    Gymnasium's vector wrappers that need another autoreset mode refuse it, and `render` never shows the last moment of
    an episode, as the next has begun by then.

    Without `device`, arrays are NumPy's, and `info` is as Gymnasium's `SyncVectorEnv` gives it. With a device they are
    torch tensors there, rewards are float32, and `final_obs` is a batch like any other observation.

    Args:
        num_envs: Number of copies (N).
        device: `"cpu"`, `"cuda"`, ...: torch tensors in and out. By default NumPy arrays.
        render_mode: None or `"rgb_array"`.
        **arguments: As of `GlimpseEnv`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument, data set or split is unknown or out of range, or the device is not there.
        DatasetError: The data are missing and cannot be downloaded, or are damaged.

    Example:
        >>> import gymnasium as gym, glimpse_env
        >>> envs = gym.make_vec("GlimpseDigits-v0", num_envs=32, vectorization_mode="vector_entry_point")
        >>> observations, infos = envs.reset(seed=1)
        >>> observations["glimpse"].shape
        (32, 1, 8, 8)
        >>> observations, rewards, terminations, truncations, infos = envs.step(envs.action_space.sample())
        >>> rewards.shape
        (32,)
    """

    metadata: dict[str, Any] = {
        "render_modes": ["rgb_array"],
        "render_fps": RENDER_FPS,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        device: str | torch.device | None = None,
        render_mode: str | None = None,
        **arguments: Any,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.num_envs = num_envs
        self.device = _read_device(device)
        self.world = World(WorldConfig.from_arguments(arguments), num_envs, self.device)
        self.single_observation_space = self.world.observation_space
        self.single_action_space = self.world.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._action_shape = (num_envs, *self.world.action_space.shape)
        self._as_numpy = device is None

    def reset(
        self,
        *,
        seed: int | Sequence[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, ArrayOrTensor], dict[str, Any]]:
        """Begins an episode on every copy.

        Args:
            seed: Begins the random numbers anew: a seed for each copy, or the first copy's, whose successors get the
                integers that follow.
            options: `index` chooses the images, `(N,)` integers. `episode` chooses the number of the episodes since
                the environment was seeded, from 0, so that training can go on where it was interrupted.

        Raises:
            TypeError: A seed or an option does not consist of integers.
            ValueError: There is not one seed or index for each copy, there is another option, or a seed or `episode` is
                negative.
            IndexError: An index is not in the split.
        """
        index, episode = read_options(options)
        indices = None if index is None else self.world.read_index(index)
        if seed is not None:
            seeds = _read_seeds(seed, self.num_envs)
            super().reset(seed=seeds[0])
            self.world.seed(np.array([counter_rng.make_key(one) for one in seeds]))
        elif not self.world.seeded:
            self.world.seed(counter_rng.random_keys(self.np_random, self.num_envs))
        observations = self.world.begin(indices, episode)
        return self._batch(observations), self._masked({"index": self.world.indices.clone()})

    def step(
        self, actions: ArrayOrTensor
    ) -> tuple[dict[str, ArrayOrTensor], ArrayOrTensor, ArrayOrTensor, ArrayOrTensor, dict[str, Any]]:
        """Takes an action on every copy; see the class.

        Args:
            actions: `(N, 2 + num_classes)` floats.

        Raises:
            ResetNeeded: `reset` was never called.
            TypeError: The actions do not consist of floating-point numbers.
            ValueError: The actions have another shape, or a number is NaN or infinite.
        """
        world = self.world
        world.check_ready()
        observations = world.advance(read_action(actions, self._action_shape, self.device))
        infos: dict[str, Any] = {}
        ended = world.done
        if ended:
            final = {"final_obs": self._final(observations), "final_info": self._masked(world.outcome())}
            observations = world.begin()
            infos = self._mask(final) | self._masked({"index": world.indices.clone()})
        return (
            self._batch(observations),
            self._full(0.0, np.float64, torch.float32),
            self._full(ended, np.bool_, torch.bool),
            self._full(False, np.bool_, torch.bool),
            infos,
        )

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """Draws each copy; see `GlimpseEnv.render`.

        Returns:
            One image a copy, or None without `render_mode="rgb_array"`.
        """
        if self.render_mode is None:
            return None
        from glimpse_env.rendering.frame import draw

        return tuple(draw(self.world.scene(copy)) for copy in range(self.num_envs))

    def _batch(self, observations: dict[str, Tensor]) -> dict[str, ArrayOrTensor]:
        return {key: self._array(value) for key, value in observations.items()}

    def _final(self, observations: dict[str, Tensor]) -> ArrayOrTensor:
        """Gymnasium keeps `final_obs` unbatched, one observation a copy."""
        if not self._as_numpy:
            return observations
        glimpses, locations = (observations[key].numpy() for key in ("glimpse", "location"))
        final = np.empty(self.num_envs, dtype=object)
        pairs = zip(glimpses, locations, strict=True)
        final[:] = [{"glimpse": glimpse, "location": location} for glimpse, location in pairs]
        return final

    def _masked(self, values: dict[str, Tensor]) -> dict[str, ArrayOrTensor]:
        return self._mask({key: self._array(value) for key, value in values.items()})

    def _mask(self, values: dict[str, Any]) -> dict[str, Any]:
        """Adds the masks by which Gymnasium says which copies an entry is about: here always all."""
        masks = {f"_{key}": self._full(True, np.bool_, torch.bool) for key in values}
        return values | masks

    def _array(self, tensor: Tensor) -> ArrayOrTensor:
        return tensor.numpy() if self._as_numpy else tensor

    def _full(self, value: float | bool, numpy_dtype: Any, torch_dtype: torch.dtype) -> ArrayOrTensor:
        if self._as_numpy:
            return np.full(self.num_envs, value, dtype=numpy_dtype)
        return torch.full((self.num_envs,), value, dtype=torch_dtype, device=self.device)


def _read_seeds(seed: Any, num_envs: int) -> list[int]:
    try:
        seeds = list(range(int(seed), int(seed) + num_envs) if isinstance(seed, Integral) else map(as_int, seed))
    except TypeError:
        raise TypeError(f"expected seed to be an integer or a sequence of integers, got {seed!r}") from None
    if len(seeds) != num_envs:
        raise ValueError(f"expected {num_envs} seeds, one for each copy, got {len(seeds)}")
    if min(seeds) < 0:
        raise ValueError(f"expected seeds to be at least 0, got {min(seeds)}")
    return seeds


def _read_device(device: Any) -> torch.device:
    if device is None:
        return torch.device("cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ValueError(f"expected a device that torch has here, such as 'cpu' or 'cuda', got {device!r}") from error
    return chosen
