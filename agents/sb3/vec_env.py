"""The vector environment as Stable-Baselines3 wants it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

from agents.sb3 import infos
from agents.sb3.sub_environment import SubEnvironment
from glimpse_env import VectorDiscreteActions
from glimpse_env.config import check_integer, read_options
from glimpse_env.dataset_rollout import to_numpy, world_of
from glimpse_env.registration import VECTOR_ENTRY_POINT


class GlimpseVecEnv(VecEnv):
    """Adapts a native vector environment of this library to `stable_baselines3.common.vec_env.VecEnv`.

    It does what Stable-Baselines3's `DummyVecEnv` does over single environments of the same id, each in a `Monitor`,
    and it does it as one batch. So `info["episode"]` is there at the end of an episode, and Stable-Baselines3 logs
    `rollout/ep_rew_mean` and `rollout/success_rate`. Two things differ. One sub-environment cannot be reset or stepped
    alone, and a `Monitor` keeps a list of all episodes, which is not kept here.

    Args:
        env: What `gym.make_vec(id, vectorization_mode="vector_entry_point")` made, or `VectorDiscreteActions` of it.

    Attributes:
        native: The native vector environment.
        envs: The sub-environments, as far as one can be asked about alone.

    Raises:
        ValueError: `env` is no native vector environment, or its autoreset mode is not `"same_step"`.

    Example:
        >>> import gymnasium as gym, glimpse_env
        >>> env = GlimpseVecEnv(gym.make_vec("GlimpseDigits-v0", 4, vectorization_mode="vector_entry_point"))
        >>> env.reset()["glimpse"].shape
        (4, 1, 8, 8)
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self._world = world_of(env)
        check_autoreset_mode(env)
        self.native = env
        self.envs = [SubEnvironment(env, number) for number in range(env.num_envs)]
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self.metadata = SubEnvironment.metadata
        self._started = time.time()
        self._begin_episodes()

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Keeps a seed for the next reset: `seed + i` for sub-environment i; None draws one.

        Raises:
            TypeError: The seed is not an integer.
            ValueError: The seed is negative.
        """
        if seed is not None:
            check_integer("seed", seed, 0)
        return super().seed(seed)

    def reset(self) -> dict[str, np.ndarray[Any, Any]]:
        """Begins an episode in every sub-environment, with the seeds and the options that were set before.

        Raises:
            TypeError: An option is not an integer.
            ValueError: There is another option, or an option is negative.
            IndexError: An index is not in the split.
        """
        seeds = [seed for seed in self._seeds if seed is not None]  # all or none
        for options in self._native_options():
            observations, _ = self.native.reset(seed=seeds or None, options=options)  # type: ignore[arg-type]
        for env, seed in zip(self.envs, seeds, strict=False):
            env.note_seed(seed)
        self._reset_seeds()
        self._reset_options()
        self._begin_episodes()
        self.reset_infos = self._images()
        return {key: to_numpy(value) for key, value in observations.items()}

    def _native_options(self) -> list[dict[str, Any]]:
        """Turns the options of each sub-environment into those of resets of the native vector environment.

        One reset takes all sub-environments that have an index or have none, and the same episode.
        """
        if len(self._options) != self.num_envs:
            raise ValueError(f"expected options for {self.num_envs} sub-environments, got {len(self._options)}")
        asked = [read_options(options) for options in self._options]
        index = [0 if one["index"] is None else one["index"] for one in asked]
        kinds = [(one["index"] is not None, one["episode"]) for one in asked]
        if len(set(kinds)) == 1:
            has_index, episode = kinds[0]
            return [({"index": index} if has_index else {}) | {"episode": episode}]
        resets: list[dict[str, Any]] = []
        if self._world.num_steps is None:
            # The first reset takes all sub-environments. Those that come again begin with their first episode again.
            resets.append({})
            kinds = [(has_index, episode or 0) for has_index, episode in kinds]
        for has_index, episode in dict.fromkeys(kinds):
            mask = np.array([kind == (has_index, episode) for kind in kinds])
            resets.append(({"index": index} if has_index else {}) | {"episode": episode, "reset_mask": mask})
        return resets

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        """Keeps the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray[Any, Any], np.ndarray[Any, Any], list[dict[str, Any]]]:
        """Takes the actions; see `stable_baselines3.common.vec_env.VecEnv`."""
        observations, rewards, terminations, _, native = self.native.step(self._actions)
        rewards, dones = to_numpy(rewards).astype(np.float32), to_numpy(terminations)
        self._returns += rewards
        self._length += 1
        if "final_info" not in native:
            told = infos.going_on(self.num_envs)
        else:
            outcome = {key: values for key, values in native["final_info"].items() if key[0] != "_"}
            last = native["final_obs"]
            last = infos.unbatched(last) if isinstance(last, dict) else last.tolist()
            told = infos.at_the_end(outcome, last, self._returns, self._length, time.time() - self._started)
            self._begin_episodes()
            self.reset_infos = self._images()
        return {key: to_numpy(value) for key, value in observations.items()}, rewards, dones, told

    def _begin_episodes(self) -> None:
        self._returns = np.zeros(self.num_envs)
        self._length = 0

    def _images(self) -> list[dict[str, Any]]:
        """What resets say of the present episodes."""
        return [{"index": index} for index in self._world.indices.tolist()]

    def close(self) -> None:
        """Closes the environment."""
        self.native.close()

    def get_images(self) -> Sequence[Any]:
        """Draws each sub-environment."""
        if self.render_mode != "rgb_array":
            warnings.warn(f'expected render_mode="rgb_array" to draw images, got {self.render_mode!r}', stacklevel=2)
            return [None] * self.num_envs
        return [env.render() for env in self.envs]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute of each sub-environment."""
        return [self.envs[number].get_wrapper_attr(attr_name) for number in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Sets an attribute of each sub-environment, which `get_attr` returns from then on.

        As with `DummyVecEnv`, it is an attribute of the outermost object: what the environment does stays the same.
        """
        for number in self._get_indices(indices):
            setattr(self.envs[number], attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Calls a method of each sub-environment.

        Raises:
            NotImplementedError: The method is `reset` or `step`, which sub-environments do together.
        """
        return [method(*method_args, **method_kwargs) for method in self.get_attr(method_name, indices)]

    def env_is_wrapped(self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Any = None) -> list[bool]:
        """Whether each sub-environment does what a wrapper of single environments does."""
        envs = [self.envs[number] for number in self._get_indices(indices)]
        return [any(issubclass(wrapper, wrapper_class) for wrapper in env.wrappers) for env in envs]


def check_autoreset_mode(env: VectorEnv[Any, Any, Any]) -> None:
    """Raises a `ValueError` unless a vector environment begins the next episodes in the step that ends the last."""
    mode = env.metadata["autoreset_mode"]
    if mode is not AutoresetMode.SAME_STEP:
        raise ValueError(f'expected an environment with autoreset_mode="same_step", got {mode.name.lower()!r}')


def make_sb3_env(env_id: str, num_envs: int, grid: int | None = None, **arguments: Any) -> GlimpseVecEnv:
    """Makes a vector environment for Stable-Baselines3.

    Args:
        env_id: As for `gym.make_vec`.
        num_envs: Number of sub-environments.
        grid: Columns and rows of `glimpse_env.DiscreteActions`, for categorical policies; by default actions are
            continuous.
        **arguments: Of the environment.

    Raises:
        ValueError: The id is that of another environment than a glimpse environment.

    Example:
        >>> make_sb3_env("glimpse_env:GlimpseDigits-v0", num_envs=4, grid=3).action_space
        MultiDiscrete([ 9 10])
    """
    # Of "module:id" gym.make_vec imports the module first; an id that is not there yet is left to it.
    spec = gym.registry.get(env_id.rpartition(":")[2])
    if spec is not None and spec.vector_entry_point != VECTOR_ENTRY_POINT:
        raise ValueError(f"expected the id of a glimpse environment, got {env_id!r}")
    env: VectorEnv[Any, Any, Any] = gym.make_vec(
        env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments
    )
    return GlimpseVecEnv(env if grid is None else VectorDiscreteActions(env, grid))
