"""The rules of an episode, for any number of sub-environments in lockstep.

The single environment is a world of one, the vector environment a world of many; both only translate between the
tensors of a world and Gymnasium.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Space
from torch import Tensor

from glimpse_env import spaces
from glimpse_env.config import MAX_ENVS, WorldConfig, check_integer
from glimpse_env.data import canvases, counter_rng
from glimpse_env.data.datasets import load_dataset
from glimpse_env.data.episode_sampler import EpisodeSampler
from glimpse_env.rendering.scene import Scene
from glimpse_env.rewards import RewardFunction, initial_potential
from glimpse_env.utils.errors import shown

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
        reward: What `advance` pays, or None; a reward wrapper sets it. To find out what other beliefs would earn, call
            it with their logits, `labels` and `potential`: nothing changes by that.
        indices: Index of each sub-environment's image in the split, `(N,)` int64.
        labels: The class of that image, `(N,)` int64. Agents must not see it.
        canvases: The canvas of each sub-environment, `(N, C, H, W)` uint8.
        path: The locations of the glimpses so far, each `(N, 2)` float32.
        logits: The logits of the last action, `(N, num_classes)`; kept when the next episode begins.
        potential: The potential of the last belief, `(N,)`, from which the reward of the next action is measured.
        payments: What the last action earned, `(N,)` float32, or None for nothing; kept when the next episode begins.
        num_steps: How many actions were taken since the last `begin`; None before the first `begin`.
    """

    def __init__(self, config: WorldConfig, num_envs: int, device: torch.device, episodes_per_image: int = 1) -> None:
        check_integer("num_envs", num_envs, 1, MAX_ENVS)
        check_integer("episodes_per_image", episodes_per_image, 1)
        if num_envs % episodes_per_image != 0:
            raise ValueError(f"expected episodes_per_image to divide num_envs, {num_envs}, got {episodes_per_image}")
        self._episodes_per_image = episodes_per_image
        self.config = config
        self.num_envs = num_envs
        self.device = device
        self.dataset = load_dataset(config.dataset, config.split, config.data_dir)
        _, channels, height, width = self.dataset.images.shape
        _check_canvas(config, height, width)
        self.retina = config.retina
        self.observation_space = spaces.observation_space(channels, self.retina)
        self.action_space = spaces.action_space(self.dataset.num_classes)
        self.reward: RewardFunction | None = None
        self.payments: Tensor | None = None
        self.num_steps: int | None = None
        self.canvases = torch.empty(0, dtype=torch.uint8, device=device)
        self.indices = torch.zeros(num_envs, dtype=torch.int64, device=device)
        self.labels = self.indices
        self.logits = torch.zeros(num_envs, self.dataset.num_classes, dtype=torch.float32, device=device)
        self._uniform_potential = initial_potential(num_envs, self.dataset.num_classes, device)
        self.potential = self._uniform_potential
        self._data = self.dataset.to(device)
        self._num_canvas_numbers = 0 if config.canvas_size is None else canvases.numbers_needed(config.num_distractors)
        self.path: list[Tensor] = []
        self._tables: list[Tensor] = []
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
    def done(self) -> bool:
        """Whether the episodes are over."""
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

    def seed(self, keys: counter_rng.Keys) -> None:
        """Restarts the random numbers, with one key per sub-environment, `(N,)`."""
        self._sampler = EpisodeSampler(
            keys, len(self._data.images), self._num_canvas_numbers, self.device, self._episodes_per_image
        )

    def begin(self, indices: Tensor | None = None, episode: int | None = None) -> dict[str, Tensor]:
        """Begins an episode in every sub-environment and takes its first glimpse. The world must be `seeded`.

        Args:
            indices: Which images to look at, `(N,)`; by default each sub-environment goes on through its permutation.
            episode: The number of the episode since `seed`; by default the next.

        Returns:
            The first observation: `glimpse` `(N, num_scales * C, g, g)` and `location` `(N, 2)`.
        """
        assert self._sampler is not None
        if episode is not None:
            self._sampler.seek(episode)
        drawn, locations, numbers = self._sampler.next()
        self.indices = drawn if indices is None else indices
        self.labels = self._data.labels.index_select(0, self.indices)
        # Frees the old canvases and tables first: with many sub-environments they take most of the memory.
        self._tables, self.canvases = [], self.canvases[:0]
        self.canvases = self._make_canvases(numbers)
        self._tables = self.retina.pool(self.canvases)
        self.path = [locations if self._initial_locations is None else self._initial_locations]
        self.potential = self._uniform_potential
        self.num_steps = 0
        return self._look()

    def advance(self, actions: Tensor) -> dict[str, Tensor]:
        """Takes an action in every sub-environment, and computes what it earns.

        Args:
            actions: As `spaces.read_action` returns them, `(N, 2 + num_classes)`.

        Returns:
            The next observation; after the last action the last glimpse again.
        """
        assert self.num_steps is not None
        self.num_steps += 1
        locations, self.logits = spaces.unpack_action(actions)
        ended = self.done
        if self.reward is not None:
            self.payments, self.potential = self.reward(self.logits, self.labels, self.potential, ended=ended)
        if not ended:
            self.path.append(locations)
        return self._look()

    def look_at(self, locations: Tensor) -> dict[str, Tensor]:
        """What would be seen at other locations. The episode does not change.

        Args:
            locations: `L` locations for each sub-environment, `(N, L, 2)` float32, clipped to [-1, 1].

        Returns:
            The observations that `advance` would return after an action with that location: `glimpse`
            `(N, L, num_scales * C, g, g)` and `location` `(N, L, 2)`.
        """
        locations = locations.clamp(-1, 1)
        return {"glimpse": self.retina.glimpses(self._tables, locations), "location": locations}

    def check_ready(self) -> None:
        """Raises `ResetNeeded` unless an episode is under way."""
        if self.num_steps is None:
            raise ResetNeeded("step() was called before reset(): call reset() first")
        if self.done:
            raise ResetNeeded(f"the episode ended with step {self.num_steps}: call reset() to begin another")

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
        belief = (self.logits if self.num_steps > 0 else torch.zeros_like(self.logits))[env].softmax(-1)
        return Scene(
            canvas=self.canvases[env].cpu().numpy(),
            glimpse=self._look()["glimpse"][env].cpu().numpy(),
            locations=torch.stack([locations[env] for locations in self.path]).cpu().numpy(),
            belief=belief.cpu().numpy(),
            class_names=self.dataset.class_names,
            retina=self.retina,
            num_glimpses=self.config.num_glimpses,
            label=int(self.labels[env]) if self.done else None,
        )

    def _look(self) -> dict[str, Tensor]:
        locations = self.path[-1]
        return {"glimpse": self.retina.glimpses(self._tables, locations), "location": locations.clone()}

    def _make_canvases(self, numbers: Tensor) -> Tensor:
        config = self.config
        if config.canvas_size is None:
            return self._data.images.index_select(0, self.indices)
        if config.split == "test":
            keys = np.full(self.num_envs, TEST_CANVASES)
            uniform = counter_rng.uniform(keys, self.indices.cpu().numpy(), 0, self._num_canvas_numbers)
            numbers = torch.from_numpy(uniform).to(self.device)
        return canvases.place(self._data.images, self.indices, config.canvas_size, config.num_distractors, numbers)


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
