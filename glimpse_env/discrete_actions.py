"""Discrete actions, for algorithms with categorical policies."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import Env, spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from glimpse_env.autoreset import GlimpseVectorWrapper
from glimpse_env.config import MAX_SIDE, check_integer
from glimpse_env.retina import cell_centres
from glimpse_env.spaces import MAX_LOGIT, as_array, pack_action
from glimpse_env.utils.errors import shown
from glimpse_env.world import world_behind


def _choices(env: Any, action_space: gym.Space[Any], grid: Any) -> tuple[int, int]:
    """The number of cells and the number of classes, after checking the arguments."""
    # More cells than the largest canvas has pixels would be places that cannot be told apart.
    check_integer("grid", grid, 1, MAX_SIDE)
    world = world_behind(env, action_space)
    if world.reward is not None and world.reward.depends_on_belief:
        raise ValueError(
            'expected reward="hard" or None, because the belief is one-hot under discrete actions, got a reward that '
            f"pays for the belief: {env}"
        )
    return int(grid) * int(grid), world.dataset.num_classes


def _read(actions: Any, shape: tuple[int, ...], choices: tuple[int, int]) -> NDArray[np.int64]:
    action = as_array("action", actions)
    if action.dtype.kind not in "iu":
        raise TypeError(f"expected a discrete action of integers, got dtype {action.dtype}")
    if action.shape != shape:
        raise ValueError(f"expected a discrete action of shape {shape}, got {action.shape}")
    if (action < 0).any() or (action >= choices).any():
        raise ValueError(f"expected a cell in [0, {choices[0]}) and a class in [0, {choices[1]}), got {shown(action)}")
    return action.astype(np.int64)


def flat_actions(cells: Tensor, grid: int, num_classes: int) -> Tensor:
    """Turns cells and classes `(..., 2)` int64 into actions `(..., 2 + num_classes)` float32."""
    cell, answer = cells.unbind(-1)
    centres = _cell_centres(grid, cells.device)
    location = torch.stack([centres[cell % grid], centres[cell // grid]], dim=-1)
    # As float32 before the arithmetic: integers by a Python number give torch's default dtype.
    logits = torch.nn.functional.one_hot(answer, num_classes).float() * (2 * MAX_LOGIT) - MAX_LOGIT
    return pack_action(location, logits)


@lru_cache(maxsize=16)
def _cell_centres(grid: int, device: torch.device) -> Tensor:
    return cell_centres(grid, device)


class DiscreteActions(gym.ActionWrapper[Any, Any, Any], RecordConstructorArgs):
    """Offers `MultiDiscrete([grid * grid, num_classes])` actions: a cell of the canvas, and a class.

    The next location is the centre of the chosen cell; cells are numbered row by row from the top-left corner. The
    chosen class gets the logit 20 and all others -20. So the belief is one-hot, and rewards that are shaped by it are
    refused.

    Args:
        env: A glimpse environment, with its reward.
        grid: Number of columns and rows, at most 4,096.

    Raises:
        TypeError: `grid` is not an integer.
        ValueError: `grid` is not in [1, 4096], `env` has other actions than locations and logits, or its reward is
            shaped by the belief.

    Example:
        >>> import gymnasium as gym, glimpse_env
        >>> env = glimpse_env.DiscreteActions(gym.make("GlimpseDigits-v0"), grid=3)
        >>> env.action_space
        MultiDiscrete([ 9 10])
        >>> env.action(np.array([0, 1])).round(2)[:4]
        array([ -0.67,  -0.67, -20.  ,  20.  ], dtype=float32)
    """

    def __init__(self, env: Env[Any, Any], grid: int) -> None:
        RecordConstructorArgs.__init__(self, grid=grid)
        gym.ActionWrapper.__init__(self, env)
        self._grid = grid
        self._choices = _choices(env, env.action_space, grid)
        self.action_space = spaces.MultiDiscrete(list(self._choices))

    def action(self, action: Any) -> NDArray[np.float32]:
        """Turns an action `(2,)` of integers into a location and logits, `(2 + num_classes,)`.

        Raises:
            TypeError: The action does not consist of integers.
            ValueError: The action has another shape, or is out of range.
        """
        cells = _read(action, (2,), self._choices)
        translated: NDArray[np.float32] = flat_actions(torch.from_numpy(cells), self._grid, self._choices[1]).numpy()
        return translated


class VectorDiscreteActions(GlimpseVectorWrapper):
    """`DiscreteActions` for a vector environment; actions are `(N, 2)`.

    Args:
        env: A native vector environment, with its reward.
        grid: Number of columns and rows, at most 4,096.

    Raises:
        TypeError: `grid` is not an integer.
        ValueError: As for `DiscreteActions`.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], grid: int) -> None:
        super().__init__(env)
        self._grid = grid
        self._choices = _choices(env, env.single_action_space, grid)
        self.single_action_space = spaces.MultiDiscrete(list(self._choices))
        self.action_space = batch_space(self.single_action_space, env.num_envs)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Takes the actions, `(N, 2)` integers.

        Raises:
            TypeError: The actions do not consist of integers.
            ValueError: The actions have another shape, or are out of range.
        """
        shape, num_classes = (self.num_envs, 2), self._choices[1]
        if isinstance(actions, Tensor):
            _read(actions, shape, self._choices)
            return self.env.step(flat_actions(actions.long(), self._grid, num_classes))
        cells = _read(actions, shape, self._choices)
        return self.env.step(flat_actions(torch.from_numpy(cells), self._grid, num_classes).numpy())
