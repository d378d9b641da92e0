"""One sub-environment of a native vector environment, with the attributes that a single environment has."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NoReturn

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor

from glimpse_env import DiscreteActions, GlimpseEnv, VectorDiscreteActions
from glimpse_env.dataset_rollout import world_of
from glimpse_env.registration import REWARDS

_VECTOR_ARGUMENTS = ("num_envs", "vectorization_mode", "device", "episodes_per_image", "autoreset_mode")
_SINGLE_WRAPPERS: dict[type, type] = {
    VectorDiscreteActions: DiscreteActions,
    **{vector: single for single, vector in REWARDS.values()},
}
"""The wrapper of a single environment that does what a vector wrapper does."""


class SubEnvironment(gym.Env[Any, Any]):
    """What can be asked of one sub-environment.

    All sub-environments of a native vector environment are one batch, which is stepped and reset as a whole. So this
    object neither steps nor resets.

    Args:
        native: A native vector environment, with its wrappers.
        number: Number of the sub-environment, from 0.

    Attributes:
        world: The world of all sub-environments.
    """

    metadata = GlimpseEnv.metadata

    def __init__(self, native: VectorEnv[Any, Any, Any], number: int) -> None:
        self.observation_space = native.single_observation_space
        self.action_space = native.single_action_space
        self.world = world_of(native)
        self._native = native
        self._number = number

    @property
    def render_mode(self) -> str | None:  # type: ignore[override]
        """None or `"rgb_array"`, as the environment was made."""
        return self._native.render_mode

    @property
    def spec(self) -> EnvSpec | None:  # type: ignore[override]
        """What `gym.make` makes a single environment of the same kind from."""
        spec = deepcopy(self._native.unwrapped.spec)
        if spec is not None:
            spec.kwargs = {name: value for name, value in spec.kwargs.items() if name not in _VECTOR_ARGUMENTS}
        return spec

    @property
    def wrappers(self) -> list[type]:
        """The wrappers that a single environment would need to do the same, `Monitor` among them."""
        wrappers: list[type] = [Monitor]
        layer: Any = self._native
        while layer is not self._native.unwrapped:
            wrappers.append(_SINGLE_WRAPPERS.get(type(layer), type(layer)))
            layer = layer.env
        return wrappers

    def note_seed(self, seed: int) -> None:
        """Notes with which seed the vector environment seeded this sub-environment, for `np_random_seed`."""
        super().reset(seed=seed)

    def render(self) -> NDArray[np.uint8] | None:
        """Draws this sub-environment; see `glimpse_env.GlimpseEnv.render`."""
        if self.render_mode is None:
            return None
        # matplotlib takes longer to import than everything else here.
        from glimpse_env.rendering.frame import draw_frame

        return draw_frame(self.world.scene(self._number))

    def reset(self, **_: Any) -> NoReturn:
        """Refuses: all sub-environments begin together."""
        raise NotImplementedError(
            "expected reset() of the vector environment, after seed() or set_options(), since all sub-environments "
            "begin together, got reset() of one"
        )

    def step(self, action: Any) -> NoReturn:
        """Refuses: all sub-environments step together."""
        raise NotImplementedError(
            "expected step() of the vector environment, since all sub-environments step together, got step() of one"
        )
