"""The glimpse environment, any number of sub-environments in one batch of tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.config import WorldConfig, check_render_mode, read_options, read_seeds
from glimpse_env.data import counter_rng
from glimpse_env.environment import RENDER_FPS
from glimpse_env.spaces import read_action
from glimpse_env.utils.errors import shown
from glimpse_env.world import World

ArrayOrTensor = Any
"""A NumPy array, or a torch tensor where the environment was made with a `device`."""


def _read_device(device: Any) -> torch.device:
    if device is None:
        return torch.device("cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).cpu()  # the device "meta" has no numbers
    except (RuntimeError, TypeError, ValueError, AssertionError, OverflowError) as error:
        message = f"expected a device that torch has here, such as 'cpu' or 'cuda', got {shown(device)}"
        raise ValueError(message) from error
    return chosen


class GlimpseVectorEnv(VectorEnv[dict[str, ArrayOrTensor], ArrayOrTensor, ArrayOrTensor]):
    """Many `GlimpseEnv`s as one batch, which all step at once.

    All episodes have the same length, so all sub-environments begin and end together. The step that ends them begins
    the next episodes (autoreset mode `SAME_STEP`): it returns their first observation and, in `info`, the `final_obs`
    and `final_info` (`label`, `prediction`, `is_success`) of the old ones and the `index` of the new ones.
    Sub-environment `i` of an environment with seed `s` sees exactly what a single environment with seed `s + i` sees.

    Gymnasium's vector wrappers that need another autoreset mode refuse this environment. `render` never shows the end
    of an episode, because the next episode has begun by then.

    Without `device`, arrays are NumPy's, and `info` has the form that Gymnasium's `SyncVectorEnv` gives it. With a
    device, arrays are torch tensors on it, rewards are float32, and `final_obs` is a batch like any other observation.

    Args:
        num_envs: Number of sub-environments (N).
        dataset: As of `GlimpseEnv`, and so are the arguments that follow.
        split: `"train"` or `"test"`.
        num_glimpses: Glimpses in an episode (T), and so its number of steps.
        glimpse_size: Side of a patch after pooling, in pixels.
        num_scales: Patches of a glimpse.
        initial_location: Location of the first glimpse, or None for a random one.
        canvas_size: Side of a canvas with the image at a random place, or None: the canvas is the image.
        num_distractors: Crops of other images on the canvas.
        data_dir: Folder of the data sets.
        render_mode: None or `"rgb_array"`.
        device: `"cpu"`, `"cuda"`, ...: torch tensors in and out. By default NumPy arrays.
        episodes_per_image: So many sub-environments in a row play the same image on the same canvas, each from its own
            first location; it divides `num_envs`.

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
        dataset: str = "mnist",
        split: str = "train",
        num_glimpses: int = 6,
        glimpse_size: int = 8,
        num_scales: int = 1,
        initial_location: tuple[float, float] | None = None,
        canvas_size: int | None = None,
        num_distractors: int = 0,
        data_dir: str | os.PathLike[str] | None = None,
        render_mode: str | None = None,
        device: str | torch.device | None = None,
        episodes_per_image: int = 1,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.num_envs = num_envs
        self.device = _read_device(device)
        config = WorldConfig(
            dataset=dataset,
            split=split,
            num_glimpses=num_glimpses,
            glimpse_size=glimpse_size,
            num_scales=num_scales,
            initial_location=initial_location,
            canvas_size=canvas_size,
            num_distractors=num_distractors,
            data_dir=data_dir,
        )
        self.world = World(config, num_envs, self.device, episodes_per_image)
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
        """Begins an episode in every sub-environment.

        Args:
            seed: Restarts the random numbers: one seed per sub-environment, or that of the first, and the others get
                the integers that follow.
            options: `index`, `(N,)` integers, chooses the images. `episode` sets the number of the episodes since
                the environment was seeded, from 0, so that an interrupted training can resume.

        Raises:
            TypeError: A seed or an option does not consist of integers.
            ValueError: There is not one seed or index per sub-environment, there is another option, or a seed or
                `episode` is negative.
            IndexError: An index is not in the split.
        """
        index, episode = read_options(options)
        indices = None if index is None else self.world.read_index(index)
        if seed is not None:
            seeds = read_seeds(seed, self.num_envs)
            super().reset(seed=seeds[0])
            self.world.seed(np.array([counter_rng.make_key(one) for one in seeds]))
        elif not self.world.seeded:
            self.world.seed(counter_rng.random_keys(self.np_random, self.num_envs))
        observations = self.world.begin(indices, episode)
        return self._batch(observations), self._masked({"index": self.world.indices.clone()})

    def step(
        self, actions: ArrayOrTensor
    ) -> tuple[dict[str, ArrayOrTensor], ArrayOrTensor, ArrayOrTensor, ArrayOrTensor, dict[str, Any]]:
        """Takes an action in every sub-environment; see the class.

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
        """Draws every sub-environment; see `GlimpseEnv.render`.

        Returns:
            One image per sub-environment, or None without `render_mode="rgb_array"`.
        """
        if self.render_mode is None:
            return None
        from glimpse_env.rendering.frame import draw_frame

        return tuple(draw_frame(self.world.scene(env)) for env in range(self.num_envs))

    def _batch(self, observations: dict[str, Tensor]) -> dict[str, ArrayOrTensor]:
        return {key: self._array(value) for key, value in observations.items()}

    def _final(self, observations: dict[str, Tensor]) -> ArrayOrTensor:
        """Gymnasium keeps `final_obs` unbatched, one observation per sub-environment."""
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
        """Adds the masks by which Gymnasium says which sub-environments an entry is about: here always all."""
        masks = {f"_{key}": self._full(True, np.bool_, torch.bool) for key in values}
        return values | masks

    def _array(self, tensor: Tensor) -> ArrayOrTensor:
        return tensor.numpy() if self._as_numpy else tensor

    def _full(self, value: float | bool, numpy_dtype: Any, torch_dtype: torch.dtype) -> ArrayOrTensor:
        if self._as_numpy:
            return np.full(self.num_envs, value, dtype=numpy_dtype)
        return torch.full((self.num_envs,), value, dtype=torch_dtype, device=self.device)
