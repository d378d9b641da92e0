"""The rules of an episode, for any number of sub-environments.

The single environment is a world of one, the vector environment a world of many; both only translate between the
tensors of a world and Gymnasium. All episodes have the same length, so sub-environments run in lockstep, unless only
some of them were begun anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Space
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from glimpse_env import spaces
from glimpse_env.config import MAX_ENVS, WorldConfig, check_integer
from glimpse_env.data import canvases, counter_rng
from glimpse_env.data.datasets import load_dataset
from glimpse_env.data.episode_sampler import EpisodeSampler, Rows
from glimpse_env.rendering.scene import Scene
from glimpse_env.retina import MAX_PIXEL
from glimpse_env.rewards import RewardFunction, initial_potential
from glimpse_env.utils.errors import shown

Which = bool | NDArray[np.bool_]
"""Which sub-environments something is true of: of all or none in lockstep, else said for each, `(N,)`."""

TEST_CANVASES = counter_rng.make_key(2014)
"""The key of the test canvases: canvas `i` is that of episode `i` under this key, the same in every run."""


def _check_canvas(config: WorldConfig, height: int, width: int) -> None:
    if config.canvas_size is not None and config.canvas_size < max(height, width):
        raise ValueError(
            f"expected canvas_size to be at least {max(height, width)}, the image's size in {config.dataset!r}, "
            f"got {config.canvas_size}"
        )
    if config.num_distractors > 0 and min(height, width) < canvases.CROP:
        raise ValueError(
            f"expected images of at least {canvases.CROP}x{canvases.CROP} pixels, the size of a distractor, but those "
            f"of {config.dataset!r} have {height}x{width}"
        )


class World:
    """Holds the images, the current canvases, and what has happened in the current episodes.

    Args:
        config: What there is to see, and how it is looked at.
        num_envs: Number of sub-environments (N).
        device: Where the tensors live.
        episodes_per_image: So many sub-environments in a row play the same image on the same canvas, each from its own
            first location.

    Attributes:
        retina: The geometry of looking.
        dataset: The data set that images are drawn from, with its class names.
        shorter_side: The shorter side of a canvas, in pixels.
        reward: What `advance` pays, or None; a reward wrapper sets it. To find out what other beliefs would earn, call
            it with their logits, `labels` and `potential`: nothing changes by that.
        indices: Index of each sub-environment's image in the split, `(N,)` int64.
        labels: The class of that image, `(N,)` int64. Agents must not see it.
        canvases: The canvas of each sub-environment, `(N, C, H, W)` uint8.
        path: The locations of the first glimpse, the second, and so on, each `(N, 2)` float32. Those that a
            sub-environment has not taken yet mean nothing.
        logits: The logits of the last action, `(N, num_classes)`; kept when the next episode begins.
        potential: The potential of the last belief, `(N,)`, from which the reward of the next action is measured.
        payments: What the last action earned, `(N,)` float32, or None for nothing; kept when the next episode begins.
        num_steps: How many actions were taken since the last `begin`: one number in lockstep, else one for each
            sub-environment, `(N,)`; None before the first `begin`.
    """

    def __init__(self, config: WorldConfig, num_envs: int, device: torch.device, episodes_per_image: int = 1) -> None:
        check_integer("num_envs", num_envs, 1, MAX_ENVS)
        check_integer("episodes_per_image", episodes_per_image, 1)
        if num_envs % episodes_per_image != 0:
            raise ValueError(
                f"expected episodes_per_image to divide num_envs, {num_envs}, got {shown(episodes_per_image)}"
            )
        self._episodes_per_image = episodes_per_image
        self.config = config
        self.num_envs = num_envs
        self.device = device
        self.dataset = load_dataset(config.dataset, config.split, config.data_dir, config.image_size)
        _, channels, height, width = self.dataset.images.shape
        _check_canvas(config, height, width)
        self.shorter_side = config.canvas_size or min(height, width)
        if config.context_size is not None:
            self.check_pooled_side("context_size", config.context_size)
        self.retina = config.retina
        self.observation_space = spaces.observation_space(channels, self.retina, config.context_size)
        self.action_space = spaces.action_space(self.dataset.num_classes)
        self.reward: RewardFunction | None = None
        self.payments: Tensor | None = None
        self.num_steps: int | NDArray[np.int64] | None = None
        self.canvases = torch.empty(0, dtype=torch.uint8, device=device)
        self.indices = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self.labels = self.indices
        self.logits = torch.zeros(num_envs, self.dataset.num_classes, dtype=torch.float32, device=device)
        self._uniform_potential = initial_potential(num_envs, self.dataset.num_classes, device)
        self.potential = self._uniform_potential
        self._data = self.dataset.to(device)
        self._num_canvas_numbers = 0 if config.canvas_size is None else canvases.numbers_needed(config.num_distractors)
        self.path: list[Tensor] = []
        self._locations = torch.zeros(num_envs, 2, dtype=torch.float32, device=device)
        self._tables: list[Tensor] = []
        self._context: Tensor | None = None
        self._initial_locations = None
        if config.initial_location is not None:
            location = torch.tensor([config.initial_location], dtype=torch.float32, device=device)
            self._initial_locations = location.repeat(num_envs, 1)
        self._sampler: EpisodeSampler | None = None

    @property
    def seeded(self) -> bool:
        """Whether `seed` was ever called."""
        return self._sampler is not None

    @property
    def done(self) -> Which:
        """Which episodes are over."""
        if isinstance(self.num_steps, np.ndarray):
            over = self.num_steps == self.config.num_glimpses
            return over if over.any() else False
        return self.num_steps == self.config.num_glimpses

    def read_index(self, index: Any) -> Tensor:
        """Turns the images that `reset(options={"index": ...})` asks for into a tensor `(N,)`.

        Raises:
            TypeError: They are not integers.
            ValueError: They are not one for each sub-environment.
            IndexError: One of them is not in the split.
        """
        array = spaces.as_array("index", index)
        size = len(self._data.images)
        if array.dtype.kind not in "iu":
            raise TypeError(f"expected index to be of integers, got {shown(index)}")
        if array.shape != (self.num_envs,):
            raise ValueError(f"expected index to have shape ({self.num_envs},), got {array.shape}")
        outside = array[(array < 0) | (array >= size)]
        if len(outside) > 0:
            raise IndexError(
                f"expected index in [0, {size}) for the {self.config.split} split of {self.config.dataset!r}, "
                f"got {outside[0]}"
            )
        return torch.from_numpy(array.astype(np.int64)).to(self.device)

    def seed(self, keys: counter_rng.Keys, rows: Rows | None = None) -> None:
        """Restarts the random numbers.

        Args:
            keys: One key per sub-environment, `(N,)`, or `(n,)` for `rows`.
            rows: The numbers of the sub-environments that get them, `(n,)`, if the world is `seeded`; by default all.
        """
        if rows is None or self._sampler is None:
            self._sampler = EpisodeSampler(
                keys, len(self._data.images), self._num_canvas_numbers, self.device, self._episodes_per_image
            )
        else:
            self._sampler.seed(keys, rows)

    def begin(
        self, indices: Tensor | None = None, episode: int | None = None, rows: Rows | None = None
    ) -> dict[str, Tensor]:
        """Begins an episode in every sub-environment and takes its first glimpse. The world must be `seeded`.

        Args:
            indices: Which images to look at, `(N,)`; by default each sub-environment goes on through its permutation.
            episode: The number of the episode since `seed`; by default the next.
            rows: The numbers of the sub-environments that begin, `(n,)`; by default all. The first time all must begin.

        Returns:
            The observation of all sub-environments, for those that begin the first: `glimpse`
            `(N, num_scales * C, g, g)` and `location` `(N, 2)`.
        """
        assert self._sampler is not None
        if episode is not None:
            self._sampler.seek(episode, rows)
        drawn, locations, numbers = self._sampler.next(rows)
        if self._initial_locations is not None:
            locations = self._initial_locations[: len(drawn)]
        if rows is None:
            self.indices = drawn if indices is None else indices
            self.labels = self._data.labels.index_select(0, self.indices)
            # Frees the old canvases and tables first: with many sub-environments they take most of the memory.
            self._tables, self.canvases = [], self.canvases[:0]
            self.canvases = self._make_canvases(self.indices, numbers)
            self._tables = self.retina.pool(self.canvases)
            self._context = None if self.config.context_size is None else self.pooled_canvases(self.config.context_size)
            self._locations = locations
            self.path = [locations]
            self.potential = self._uniform_potential
            self.num_steps = 0
        else:
            self._begin_some(rows, drawn if indices is None else indices[rows], locations, numbers)
        return self._look()

    def _begin_some(self, rows: Rows, indices: Tensor, locations: Tensor, numbers: Tensor) -> None:
        """Begins episodes in `rows` only, `(n, ...)`. Tensors that were handed out before stay as they were."""
        into = torch.from_numpy(rows).to(self.device)
        canvases = self._make_canvases(indices, numbers)
        self.indices = self.indices.index_copy(0, into, indices)
        self.labels = self.labels.index_copy(0, into, self._data.labels.index_select(0, indices))
        self.canvases = self.canvases.index_copy(0, into, canvases)
        if self._context is not None:
            self._context = self._context.index_copy(0, into, _pool(canvases, self._context.shape[-1]))
        tables = self.retina.pool(canvases)
        self._tables = [old.index_copy(0, into, new) for old, new in zip(self._tables, tables, strict=True)]
        self._locations = self._locations.index_copy(0, into, locations)
        self.path[0] = self.path[0].index_copy(0, into, locations)
        self.potential = self.potential.index_copy(0, into, self._uniform_potential[: len(rows)])
        steps = np.full(self.num_envs, self.num_steps)
        steps[rows] = 0
        self.num_steps = int(steps[0]) if (steps == steps[0]).all() else steps
        del self.path[min(steps.max() + 1, self.config.num_glimpses) :]

    def advance(self, actions: Tensor) -> dict[str, Tensor]:
        """Takes an action in every sub-environment, and computes what it earns.

        Args:
            actions: As `spaces.read_action` returns them, `(N, 2 + num_classes)`.

        Returns:
            The next observation; after the last action the last glimpse again.
        """
        assert self.num_steps is not None
        self.num_steps = self.num_steps + 1
        locations, self.logits = spaces.unpack_action(actions)
        done = self.done
        if self.reward is not None:
            ended = done if isinstance(done, bool) else torch.from_numpy(done).to(self.device)
            self.payments, self.potential = self.reward(self.logits, self.labels, self.potential, ended=ended)
        if not isinstance(self.num_steps, int):
            self._move_each(locations, self.num_steps)
        elif not done:
            self._locations = locations
            self.path.append(locations)
        return self._look()

    def _move_each(self, locations: Tensor, num_steps: NDArray[np.int64]) -> None:
        """Takes each sub-environment that is not done to its next location, `(N, 2)`."""
        going_on = num_steps < self.config.num_glimpses
        self._locations = locations.where(self._column(going_on), self._locations)
        for glimpse in np.unique(num_steps[going_on]):
            if glimpse == len(self.path):
                self.path.append(locations)
            else:
                self.path[glimpse] = locations.where(self._column(num_steps == glimpse), self.path[glimpse])

    def _column(self, mask: NDArray[np.bool_]) -> Tensor:
        return torch.from_numpy(mask).to(self.device)[:, None]

    def look_at(self, locations: Tensor) -> dict[str, Tensor]:
        """What would be seen at other locations. The episode does not change.

        Args:
            locations: `L` locations for each sub-environment, `(N, L, 2)` float32, clipped to [-1, 1].

        Returns:
            The observations that `advance` would return after an action with that location: `glimpse`
            `(N, L, num_scales * C, g, g)` and `location` `(N, L, 2)`. The context stays what it is.
        """
        locations = locations.clamp(-1, 1)
        return {"glimpse": self.retina.glimpses(self._tables, locations), "location": locations}

    def test_image_corners(self, indices: Tensor) -> Tensor:
        """Where images lie on their canvases in the test split. Agents must not see it.

        Args:
            indices: Indices of the images in the split, `(n,)` int64.

        Returns:
            Pixel column and row of each image's top-left corner on its canvas, `(n, 2)` int64; 0 where the canvas is
            the image itself.

        Raises:
            ValueError: The world is on the training split, where each episode places an image anew.
        """
        if self.config.split != "test":
            raise ValueError(f"expected a world on the test split, got one on {shown(self.config.split)}")
        if self.config.canvas_size is None:
            return torch.zeros(len(indices), 2, dtype=torch.int64, device=self.device)
        height, width = self._data.images.shape[-2:]
        return canvases.image_corners(self._test_numbers(indices), self.config.canvas_size, (height, width))

    def check_pooled_side(self, name: str, side: int) -> None:
        """Checks that canvases have enough pixels to be average-pooled to `side` rows and columns.

        Raises:
            TypeError: `side` is no integer.
            ValueError: It is negative, or larger than a canvas.
        """
        check_integer(name, side, 0)
        if side > self.shorter_side:
            raise ValueError(f"expected {name} to be at most the canvas's side, {self.shorter_side}, got {side}")

    def pooled_canvases(self, side: int) -> Tensor:
        """The current canvases, average-pooled to `(N, C, side, side)`, in [0, 1]."""
        return _pool(self.canvases, side)

    def check_ready(self) -> None:
        """Raises `ResetNeeded` unless episodes are under way in all sub-environments."""
        if self.num_steps is None:
            raise ResetNeeded("step() was called before reset(): call reset() first")
        done = self.done
        if done is True:
            raise ResetNeeded(f"the episode ended with step {self.num_steps}: call reset() to begin another")
        if done is not False:
            rows = np.flatnonzero(done).tolist()
            raise ResetNeeded(f"the episodes of sub-environments {shown(rows)} ended: call reset() to begin others")

    def outcome(self) -> dict[str, Tensor]:
        """What `info` tells at the end of an episode; each `(N,)`."""
        predictions = self.logits.argmax(-1)
        return {"label": self.labels, "prediction": predictions, "is_success": predictions == self.labels}

    def scene(self, env: int) -> Scene:
        """What there is to draw of one sub-environment.

        Raises:
            ResetNeeded: No episode ever began.
        """
        if self.num_steps is None:
            raise ResetNeeded("render() was called before reset(): call reset() first")
        num_steps, num_glimpses = int(np.full(self.num_envs, self.num_steps)[env]), self.config.num_glimpses
        path = self.path[: min(num_steps + 1, num_glimpses)]
        belief = (self.logits if num_steps > 0 else torch.zeros_like(self.logits))[env].softmax(-1)
        return Scene(
            canvas=self.canvases[env].cpu().numpy(),
            glimpse=self._look()["glimpse"][env].cpu().numpy(),
            locations=torch.stack([locations[env] for locations in path]).cpu().numpy(),
            belief=belief.cpu().numpy(),
            class_names=self.dataset.class_names,
            retina=self.retina,
            num_glimpses=num_glimpses,
            label=int(self.labels[env]) if num_steps == num_glimpses else None,
        )

    def _look(self) -> dict[str, Tensor]:
        glimpses = self.retina.glimpses(self._tables, self._locations)
        observation = {"glimpse": glimpses, "location": self._locations.clone()}
        return observation if self._context is None else observation | {"context": self._context.clone()}

    def _make_canvases(self, indices: Tensor, numbers: Tensor) -> Tensor:
        config = self.config
        if config.canvas_size is None:
            return self._data.images.index_select(0, indices)
        if config.split == "test":
            numbers = self._test_numbers(indices)
        return canvases.place(self._data.images, indices, config.canvas_size, config.num_distractors, numbers)

    def _test_numbers(self, indices: Tensor) -> Tensor:
        """The numbers that the test canvases of some images are made of."""
        keys = np.full(len(indices), TEST_CANVASES)
        uniform = counter_rng.uniform(keys, indices.cpu().numpy(), 0, self._num_canvas_numbers)
        return torch.from_numpy(uniform).to(self.device)


def _pool(canvases: Tensor, side: int) -> Tensor:
    """Means of the pixels of canvases `(N, C, H, W)`, in [0, 1], in `side` rows and columns, `(N, C, side, side)`."""
    return adaptive_avg_pool2d(canvases.float() / MAX_PIXEL, side)


def world_behind(env: Any, action_space: Space[Any]) -> World:
    """The world of a glimpse environment, single or vector, whose actions are locations and logits.

    Args:
        env: An environment, however it is wrapped.
        action_space: Its action space, that of one sub-environment for a vector environment.

    Raises:
        ValueError: It is another environment, or has other actions.
    """
    world = getattr(env.unwrapped, "world", None)
    if not isinstance(world, World) or action_space != world.action_space:
        raise ValueError(
            "expected a glimpse environment (of several, the native vector environment) whose actions are locations "
            f"and logits, got {env} with {action_space}; DiscreteActions goes around all rewards"
        )
    return world
