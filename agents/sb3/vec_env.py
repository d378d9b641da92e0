"""The vector environment as Stable-Baselines3 wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from glimpse_env import VectorDiscreteActions
from glimpse_env.dataset_rollout import to_numpy


class GlimpseVecEnv(VecEnv):
    """Adapts a native vector environment of this library to `stable_baselines3.common.vec_env.VecEnv`.

    Episodes end together, so the adapter fills the `info` of each sub-environment on the last step only. It adds
    `info["episode"]` as Stable-Baselines3's `Monitor` does, so that `rollout/ep_rew_mean` and `rollout/success_rate`
    are logged.

    Args:
        env: What `gym.make_vec(id, vectorization_mode="vector_entry_point")` made, or `VectorDiscreteActions` of it.

    Raises:
        ValueError: Its autoreset mode is not `"same_step"`.

    Example:
        >>> import gymnasium as gym, glimpse_env
        >>> env = GlimpseVecEnv(gym.make_vec("GlimpseDigits-v0", 4, vectorization_mode="vector_entry_point"))
        >>> env.reset()["glimpse"].shape
        (4, 1, 8, 8)
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        check_autoreset_mode(env)
        self.native = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self.render_mode = env.render_mode

    def reset(self) -> dict[str, np.ndarray[Any, Any]]:
        """Begins an episode in every sub-environment, with the seeds and image indices that were set before."""
        seeds = None if self._seeds[0] is None else self._seeds
        options = {"index": [one["index"] for one in self._options]} if self._options[0] else None
        observations, infos = self.native.reset(seed=seeds, options=options)  # type: ignore[arg-type]
        self._reset_seeds()
        self._reset_options()
        self._returns = np.zeros(self.num_envs)
        self._length = 0
        self._note_images(infos)
        return {key: to_numpy(value) for key, value in observations.items()}

    def step_async(self, actions: np.ndarray[Any, Any]) -> None:
        """Keeps the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, np.ndarray[Any, Any], np.ndarray[Any, Any], list[dict[str, Any]]]:
        """Takes the actions; see `stable_baselines3.common.vec_env.VecEnv`."""
        observations, rewards, terminations, _, native = self.native.step(self._actions)
        rewards, dones = to_numpy(rewards).astype(np.float32), to_numpy(terminations)
        self._returns += rewards
        self._length += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if "final_info" in native:
            final = {key: to_numpy(value).tolist() for key, value in native["final_info"].items() if key[0] != "_"}
            for env, info in enumerate(infos):
                info |= {key: values[env] for key, values in final.items()}
                info["terminal_observation"] = _unbatched(native["final_obs"], env)
                info["TimeLimit.truncated"] = False
                info["episode"] = {"r": float(self._returns[env]), "l": self._length}
            self._returns = np.zeros(self.num_envs)
            self._length = 0
            self._note_images(native)
        return {key: to_numpy(value) for key, value in observations.items()}, rewards, dones, infos

    def _note_images(self, infos: dict[str, Any]) -> None:
        self.reset_infos = [{"index": index} for index in to_numpy(infos["index"]).tolist()]

    def close(self) -> None:
        """Closes the environment."""
        self.native.close()

    def get_images(self) -> Sequence[Any]:
        """Draws each sub-environment."""
        return self.native.render() or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute of the vector environment, once per sub-environment."""
        return [getattr(self.native, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Sub-environments have their attributes in common, so this is refused."""
        raise NotImplementedError(
            "sub-environments have their attributes in common: make the environment with other arguments"
        )

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Calls a method of the vector environment once, and returns the result once per sub-environment."""
        result = getattr(self.native, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Whether the environment has a wrapper. It does what `Monitor` does, so it says yes to that one."""
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]


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

    Example:
        >>> make_sb3_env("glimpse_env:GlimpseDigits-v0", num_envs=4, grid=3).action_space
        MultiDiscrete([ 9 10])
    """
    env: VectorEnv[Any, Any, Any] = gym.make_vec(
        env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments
    )
    return GlimpseVecEnv(env if grid is None else VectorDiscreteActions(env, grid))


def _unbatched(observations: Any, env: int) -> dict[str, np.ndarray[Any, Any]]:
    if isinstance(observations, dict):
        return {key: to_numpy(value[env]) for key, value in observations.items()}
    one: dict[str, np.ndarray[Any, Any]] = observations[env]
    return one
