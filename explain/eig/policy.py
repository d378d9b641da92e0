"""Looking where the expected information gain is highest."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from explain.eig.maps import Imagine, expected_information_gain
from explain.recording import beliefs_of, flatten_state, state_restorer
from glimpse_env.dataset_rollout import Agent
from glimpse_env.retina import Retina, grid_locations
from glimpse_env.spaces import pack_action, unpack_action


class EIGPolicy:
    """Acts as an agent does, except that it looks where it expects to learn most.

    Memory and beliefs are the agent's own; only the location of each action is replaced, by the place of a grid whose
    expected information gain is highest. It is itself an agent that can be recorded and evaluated. The same batch of
    observations and states gives the same actions, every time.

    Args:
        agent: Whose memory and beliefs are used; it is reached through `predict` alone.
        imagine: Draws canvases for its states, for example `HiddenStateVAE.sample`, with torch's global random numbers.
        grid: Columns and rows of places to choose from, the centres of equal cells of the canvas.
        retina: The agent's.
        num_samples: Canvases drawn for each state.
        seed: Of what is imagined.

    Raises:
        ValueError: A number is less than 1.
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
    ) -> None:
        numbers = {"grid": grid, "num_samples": num_samples}
        for name, value in numbers.items():
            if value < 1:
                raise ValueError(f"expected {name} to be at least 1, got {value}")
        self.agent = agent
        self.imagine = imagine
        self.locations = grid_locations(grid)
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
            episode_start: Where an episode starts, `(N,)`.
            deterministic: Handed on to the agent; where this policy looks is never left to chance.

        Returns:
            Actions `(N, 2 + C)`, with the agent's own logits, and the agent's next state.

        Raises:
            ValueError: The agent has no state.
        """
        actions, state = self.agent.predict(
            observation, state=state, episode_start=episode_start, deterministic=deterministic
        )
        if state is None:
            raise ValueError("expected an agent with a state, but its predict() returned None for it")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            maps = expected_information_gain(
                self.agent,
                torch.from_numpy(flatten_state(state)),
                torch.from_numpy(beliefs_of(actions)),
                self.imagine,
                self.locations,
                retina=self.retina,
                num_samples=self.num_samples,
                restore=state_restorer(state),
            )
        best = self.locations[maps.divergence.argmax(1)].numpy()
        return pack_action(best, unpack_action(actions).logits), state
