"""A location policy that looks where the expected information gain is highest."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explain.eig.maps import MAX_SAMPLES, Imagine, expected_information_gain
from explain.recurrent_agent import RecurrentAgent
from glimpse_env.config import check_integer
from glimpse_env.dataset_rollout import Agent, to_numpy
from glimpse_env.retina import Retina, grid_locations
from glimpse_env.spaces import pack_action, unpack_action
from glimpse_env.utils.errors import shown
from glimpse_env.utils.layers import new_generator

MAX_GRID = 2**10
"""More columns than a canvas has pixels."""


class EIGPolicy:
    """Acts as an agent does, except that it looks where the expected information gain is highest.

    Hidden states and beliefs are those of the agent; only the location of each action is replaced, by the location of a
    grid with the highest divergence (see `EIGMaps`). It is itself an agent that can be recorded and evaluated. It is
    deterministic: the same observations and states give the same actions.

    Args:
        agent: Any agent whose `predict` returns a state.
        imagine: Draws canvases for its hidden states, for example `HiddenStateVAE.sample`.
        grid: Columns and rows of locations to choose from, the centres of equal cells of the canvas.
        retina: The geometry of looking that the agent was trained with.
        num_samples: Canvases drawn for each hidden state.
        seed: Determines what is imagined.
        device: Where expected information gain is computed, and what `imagine` takes is.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: `grid` or `num_samples` is less than 1, or the seed is negative.
    """

    def __init__(
        self,
        agent: Agent,
        imagine: Imagine,
        *,
        grid: int,
        retina: Retina,
        num_samples: int = 16,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ) -> None:
        check_integer("grid", grid, 1, MAX_GRID)
        check_integer("num_samples", num_samples, 1, MAX_SAMPLES)
        check_integer("seed", seed, 0)
        if not callable(imagine):
            raise TypeError(f"expected imagine to be a function, got {shown(imagine)}")
        if not isinstance(retina, Retina):
            raise TypeError(f"expected retina to be a Retina, got {shown(retina)}")
        self.agent = RecurrentAgent(agent, device)
        self.imagine = imagine
        self.locations = grid_locations(grid, self.agent.device)
        self.retina = retina
        self.num_samples = num_samples
        self.seed = seed

    def predict(
        self,
        observation: dict[str, NDArray[np.float32]],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], Any]:
        """Chooses an action for each of a batch of observations.

        Args:
            observation: `glimpse` `(N, num_scales * channels, g, g)` and `location` `(N, 2)`.
            state: What the last call returned; None at the start of an episode.
            episode_start: Where an episode starts, `(N,)` bool.
            deterministic: Passed on to the agent; the location is deterministic in any case.

        Returns:
            Actions `(N, 2 + C)` with the agent's logits, and the agent's next state.

        Raises:
            ValueError: The agent has no state.
        """
        actions, state = self.agent.predict(observation, state, episode_start, deterministic)
        maps = expected_information_gain(
            self.agent,
            self.agent.flatten(state),
            self.agent.beliefs(actions),
            self.imagine,
            self.locations,
            retina=self.retina,
            num_samples=self.num_samples,
            generator=new_generator(self.seed),
        )
        best = to_numpy(self.locations[maps.divergence.argmax(1)])
        return pack_action(best, unpack_action(actions).logits), state
