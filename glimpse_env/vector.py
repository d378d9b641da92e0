"""The glimpse environment, any number of sub-environments in one batch of tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.autoreset import read_autoreset_mode
from glimpse_env.config import WorldConfig, check_render_mode, read_options, read_seeds
from glimpse_env.data import counter_rng
from glimpse_env.data.episode_sampler import Rows
from glimpse_env.environment import RENDER_FPS
from glimpse_env.spaces import as_array, read_action
from glimpse_env.utils.errors import shown
from glimpse_env.utils.json_spec import JSONSpec
from glimpse_env.utils.threads import torch_threads
from glimpse_env.world import Which, World

ArrayOrTensor = Any
"""A NumPy array, or a torch tensor where the environment was made with a `device`."""


def read_device(device: Any) -> torch.device:
    """Returns the device of that name, or the CPU for None.

    Raises:
        ValueError: There is no such device, or it cannot compute here.
    """
    if device is None:
        return torch.device("cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, dtype=torch.uint8, device=chosen).cpu()  # the device "meta" has no numbers
    except (RuntimeError, TypeError, ValueError, AssertionError, OverflowError) as error:
        message = f"expected a device that torch has here, such as 'cpu' or 'cuda', got {shown(device)}"
        raise ValueError(message) from error
    return chosen


class GlimpseVectorEnv(JSONSpec, VectorEnv[dict[str, ArrayOrTensor], ArrayOrTensor, ArrayOrTensor]):
    """Many `GlimpseEnv`s as one batch, which all step at once.

    All episodes have the same length, so all sub-environments begin and end together. Sub-environment `i` of an
    environment with seed `s` sees exactly what a single environment with seed `s + i` sees.

    What follows the step that ends the episodes is the autoreset mode, as in Gymnasium's `SyncVectorEnv`:

    - `"same_step"`: that very step begins the next episodes. It returns their first observation and, in `info`, the
      `final_obs` and `final_info` (`label`, `prediction`, `is_success`) of the old ones and the `index` of the new
      ones. `render` never shows the end of an episode.
    - `"next_step"`: the next step begins them. It ignores its actions, pays 0, and returns the first observation and
      the `index`.
    - `"disabled"`: the user calls `reset`, if only for some with `options={"reset_mask": mask}`.

    On the CPU it computes with one thread, whatever number torch has otherwise: several gain little, and while another
    process wants the same cores they take many times as long.

    Without `device`, arrays are NumPy's, and `info` has the form that `SyncVectorEnv` gives it. With a device, arrays
    are torch tensors on it, rewards are float32, and `final_obs` is a batch like any other observation.

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
        context_size: Side of a coarse view of the whole canvas that observations show too, or None.
        data_dir: Folder of the data sets.
        image_size: Side to which images of the data set `"folder"` are resized.
        render_mode: None or `"rgb_array"`.
        device: `"cpu"`, `"cuda"`, ...: torch tensors in and out. By default NumPy arrays.
        autoreset_mode: `"same_step"`, `"next_step"` or `"disabled"`, or Gymnasium's `AutoresetMode`.
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

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": RENDER_FPS}

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
        context_size: int | None = None,
        data_dir: str | os.PathLike[str] | None = None,
        image_size: int | None = None,
        render_mode: str | None = None,
        device: str | torch.device | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
        episodes_per_image: int = 1,
    ) -> None:
        check_render_mode(render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        self.autoreset_mode = read_autoreset_mode(autoreset_mode)
        self.metadata = self.metadata | {"autoreset_mode": self.autoreset_mode}
        self.num_envs = num_envs
        self.device = read_device(device)
        config = WorldConfig(
            dataset=dataset,
            split=split,
            num_glimpses=num_glimpses,
            glimpse_size=glimpse_size,
            num_scales=num_scales,
            initial_location=initial_location,
            canvas_size=canvas_size,
            num_distractors=num_distractors,
            context_size=context_size,
            data_dir=data_dir,
            image_size=image_size,
        )
        self.world = World(config, num_envs, self.device, episodes_per_image)
        self.single_observation_space = self.world.observation_space
        self.single_action_space = self.world.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._action_shape = (num_envs, *self.world.action_space.shape)
        self._as_numpy = device is None

    @torch_threads(1)
    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, ArrayOrTensor], dict[str, Any]]:
        """Begins an episode in every sub-environment, or in some.

        Args:
            seed: Restarts the random numbers: one seed per sub-environment, with None for one that is not seeded, or
                that of the first, and the others get the integers that follow.
            options: `index`, `(N,)` integers, chooses the images. `episode` sets the number of the episodes since
                the environment was seeded, from 0, so that an interrupted training can resume. `reset_mask`, `(N,)`
                booleans, says which sub-environments are reset; the others, their seeds and options are left alone.

        Returns:
            The observations of all sub-environments, and `index` for those that were reset.

        Raises:
            TypeError: A seed or an option does not consist of integers, or the mask not of booleans.
            ValueError: There is not one seed, index or mask per sub-environment, there is another option, or a seed
                or `episode` is negative, or the mask is False everywhere.
            IndexError: An index is not in the split.
            ResetNeeded: Only some are reset, but not all were ever reset.
        """
        asked = read_options(options, ("index", "episode", "reset_mask"))
        indices = None if asked["index"] is None else self.world.read_index(asked["index"])
        chosen = True if asked["reset_mask"] is None else self._read_mask(asked["reset_mask"])
        seeds = None if seed is None else read_seeds(seed, self.num_envs)
        if chosen is not True and self.world.num_steps is None:
            raise ResetNeeded(
                "some sub-environments were to be reset before all were: call reset() without a mask first"
            )
        self._seed([None] * self.num_envs if seeds is None else seeds, chosen)
        observations = self.world.begin(indices, asked["episode"], _rows(chosen))
        return self._batch(observations), self._index(chosen)

    @torch_threads(1)
    def step(
        self, actions: ArrayOrTensor
    ) -> tuple[dict[str, ArrayOrTensor], ArrayOrTensor, ArrayOrTensor, ArrayOrTensor, dict[str, Any]]:
        """Takes an action in every sub-environment; see the class.

        Args:
            actions: `(N, 2 + num_classes)` floats.

        Raises:
            ResetNeeded: `reset` was never called, or is needed because an episode has ended.
            TypeError: The actions do not consist of floating-point numbers.
            ValueError: The actions have another shape, or a number is NaN or infinite.
        """
        world = self.world
        if self.autoreset_mode is AutoresetMode.NEXT_STEP and (over := world.done) is not False:
            return self._step_after_the_end(actions, over)
        world.check_ready()
        observations = world.advance(read_action(actions, self._action_shape, self.device))
        infos: dict[str, Any] = {}
        ended = world.done
        if ended is not False:
            infos = self._masked(world.outcome(), ended)
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                final = {"final_obs": self._final(observations, ended), "final_info": infos}
                observations = world.begin(rows=_rows(ended))
                infos = self._mask(final, ended) | self._index(ended)
        return self._returned(observations, ended, infos)

    def _step_after_the_end(self, actions: ArrayOrTensor, over: Which) -> Any:
        """Begins the next episodes where the last ones are over, and takes the actions of the others."""
        world = self.world
        infos: dict[str, Any] = {}
        ended: Which = False
        if over is True:
            observations = world.begin()
            world.payments = None
        else:
            rows = _rows(over)
            ignoring = actions.detach().clone() if isinstance(actions, Tensor) else as_array("action", actions).copy()
            if tuple(ignoring.shape) == self._action_shape:
                ignoring[rows] = 0
            world.advance(read_action(ignoring, self._action_shape, self.device))
            ended = world.done
            if ended is not False:
                infos = self._masked(world.outcome(), ended)
            observations = world.begin(rows=rows)
            if world.payments is not None:
                world.payments[rows] = 0
        return self._returned(observations, ended, infos | self._index(over))

    def _returned(self, observations: dict[str, Tensor], ended: Which, infos: dict[str, Any]) -> Any:
        return (
            self._batch(observations),
            self._full(0.0, np.float64, torch.float32),
            self._which(ended),
            self._which(False),
            infos,
        )

    def _read_mask(self, mask: Any) -> Which:
        array = as_array("reset_mask", mask)
        if array.dtype != np.bool_:
            raise TypeError(f"expected reset_mask to be of booleans, got {shown(mask)}")
        if array.shape != (self.num_envs,):
            raise ValueError(f"expected reset_mask to have shape ({self.num_envs},), got {array.shape}")
        if not array.any():
            raise ValueError(f"expected reset_mask to be True somewhere, got {shown(mask)}")
        return True if array.all() else array

    def _seed(self, seeds: list[int | None], chosen: Which) -> None:
        """Seeds the chosen sub-environments that have a seed, and all others where none was ever seeded."""
        if not self.world.seeded and None in seeds:
            self.world.seed(counter_rng.random_keys(self.np_random, self.num_envs))
        wanted = np.full(self.num_envs, chosen)
        pairs = [(row, seed) for row, seed in enumerate(seeds) if seed is not None and wanted[row]]
        if pairs:
            super().reset(seed=pairs[0][1])
            keys = np.array([counter_rng.make_key(seed) for _, seed in pairs])
            rows = None if len(pairs) == self.num_envs else np.array([row for row, _ in pairs])
            self.world.seed(keys, rows)

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

    def _final(self, observations: dict[str, Tensor], ended: Which) -> ArrayOrTensor:
        """Gymnasium keeps `final_obs` unbatched, one observation per sub-environment."""
        if not self._as_numpy:
            return observations
        arrays = self._batch(observations)
        final = np.full(self.num_envs, None, dtype=object)
        for row in range(self.num_envs) if ended is True else np.flatnonzero(ended):
            final[row] = {key: value[row] for key, value in arrays.items()}
        return final

    def _index(self, which: Which) -> dict[str, ArrayOrTensor]:
        return self._masked({"index": self.world.indices.clone()}, which)

    def _masked(self, values: dict[str, Tensor], which: Which) -> dict[str, ArrayOrTensor]:
        """Entries of `info` about the sub-environments of `which`, 0 elsewhere."""
        if which is not True:
            mask = torch.from_numpy(which).to(self.device)
            values = {key: value * mask for key, value in values.items()}
        return self._mask({key: self._array(value) for key, value in values.items()}, which)

    def _mask(self, values: dict[str, Any], which: Which) -> dict[str, Any]:
        """Adds the masks by which Gymnasium says which sub-environments an entry is about."""
        return values | {f"_{key}": self._which(which) for key in values}

    def _which(self, which: Which) -> ArrayOrTensor:
        if isinstance(which, bool):
            return self._full(which, np.bool_, torch.bool)
        return which.copy() if self._as_numpy else torch.from_numpy(which.copy()).to(self.device)

    def _array(self, tensor: Tensor) -> ArrayOrTensor:
        return tensor.numpy() if self._as_numpy else tensor

    def _full(self, value: float | bool, numpy_dtype: Any, torch_dtype: torch.dtype) -> ArrayOrTensor:
        if self._as_numpy:
            return np.full(self.num_envs, value, dtype=numpy_dtype)
        return torch.full((self.num_envs,), value, dtype=torch_dtype, device=self.device)


def _rows(which: Which) -> Rows | None:
    """The numbers of the sub-environments, or None for all."""
    return None if which is True else np.flatnonzero(which)
