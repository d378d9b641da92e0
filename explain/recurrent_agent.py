"""The one place where tensors meet an agent, whose `predict` takes and returns NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor

from explain.numbers import check_finite
from glimpse_env.dataset_rollout import Agent, to_numpy
from glimpse_env.spaces import belief_of, unpack_action
from glimpse_env.utils.errors import shown
from glimpse_env.vector import read_device


class RecurrentAgent:
    """An agent with a memory, of which each hidden state is one row of a tensor on a device.

    The agent is reached through `predict` alone. Its state may be an array `(N, D)`, or a tuple of arrays
    `(layers, N, size)` as in Stable-Baselines3's recurrent models; the adapter learns which from the first answer.

    Args:
        agent: Any agent whose `predict` returns a state; another adapter is not wrapped again.
        device: Where the tensors are that this object returns.

    Raises:
        TypeError: The agent has no `predict`.
        ValueError: There is no such device.

    Example:
        >>> import gymnasium as gym, glimpse_env
        >>> from agents import REINFORCE
        >>> agent = RecurrentAgent(REINFORCE("GlimpseDigits-v0", policy_kwargs={"hidden_size": 16}))
        >>> glimpses, locations = torch.zeros(3, 1, 8, 8), torch.zeros(3, 2)
        >>> agent.beliefs_after(torch.zeros(3, 16), glimpses, locations).shape
        torch.Size([3, 10])
    """

    def __init__(self, agent: Agent, device: str | torch.device = "cpu") -> None:
        if not callable(getattr(agent, "predict", None)):
            raise TypeError(f"expected an agent with a method predict, got {shown(agent)}")
        # "cuda" becomes "cuda:0", as tensors there have it.
        self.device = torch.empty(0, dtype=torch.uint8, device=read_device(device)).device
        self.agent = agent
        self._form: _StateForm | None = None
        if isinstance(agent, RecurrentAgent):
            self.agent, self._form = agent.agent, agent._form

    def predict(
        self,
        observation: Mapping[str, NDArray[np.float32]],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[np.float32], Any]:
        """What the agent's `predict` returns.

        Raises:
            ValueError: The agent returned no state.
        """
        actions, state = self.agent.predict(
            observation, state=state, episode_start=episode_start, deterministic=deterministic
        )
        if state is None:
            raise ValueError("expected an agent with a state, but its predict() returned None for it")
        if self._form is None:
            self._form = _StateForm(state)
        return actions, state

    def flatten(self, state: Any) -> Tensor:
        """Turns a state that `predict` returned into hidden states `(N, D)` float32.

        Raises:
            ValueError: A number in it is not finite.
        """
        if isinstance(state, tuple):
            rows = [part.swapaxes(0, 1).reshape(part.shape[1], -1) for part in state]
            hidden = self._tensor(np.concatenate(rows, axis=1, dtype=np.float32))
        else:
            hidden = self._tensor(np.asarray(state, dtype=np.float32))
        check_finite("the agent's state", hidden)
        return hidden

    def restore(self, hidden: Tensor) -> Any:
        """Turns hidden states `(N, D)` into a state that `predict` takes, which shares no memory with them.

        Raises:
            RuntimeError: `predict` has never been called, so that the form of the state is not known.
        """
        if self._form is None:
            raise RuntimeError("expected predict() to be called before restore(): it shows the form of a state")
        return self._form.restore(to_numpy(hidden))

    def beliefs(self, actions: NDArray[Any]) -> Tensor:
        """The beliefs `(N, C)` float32 in actions `(N, 2 + C)`.

        Raises:
            ValueError: A logit is not finite.
        """
        logits = torch.from_numpy(np.asarray(unpack_action(actions).logits, dtype=np.float32))
        check_finite("the agent's logits", logits)
        return belief_of(logits).to(self.device)

    def beliefs_after(self, hidden: Tensor, glimpses: Tensor, locations: Tensor) -> Tensor:
        """What the agent believes after one more glimpse.

        Args:
            hidden: Its hidden states before the glimpse, `(N, D)`.
            glimpses: What it sees, `(N, num_scales * channels, g, g)` in [0, 1].
            locations: Where it looks, `(N, 2)`, `(x, y)` in [-1, 1].

        Returns:
            Beliefs, `(N, C)`.
        """
        return self.beliefs(self._act(hidden, glimpses, locations)[0])

    def look(self, hidden: Tensor | None, glimpses: Tensor, locations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Takes one more glimpse, after which the agent may go on.

        Args:
            hidden: Its hidden states before the glimpse, `(N, D)`; None at the start of an episode, where everything
                but glimpse and location that the agent may observe, such as a context, is 0.
            glimpses: What it sees, `(N, num_scales * channels, g, g)` in [0, 1].
            locations: Where it looks, `(N, 2)`, `(x, y)` in [-1, 1].

        Returns:
            What it knows after the glimpse: hidden states `(N, D)`, beliefs `(N, C)`, and where it wants to look next,
            `(N, 2)` in [-1, 1].
        """
        actions, state = self._act(hidden, glimpses, locations)
        following = torch.from_numpy(np.asarray(unpack_action(actions).location, dtype=np.float32)).clamp(-1, 1)
        return self.flatten(state), self.beliefs(actions), following.to(self.device)

    def _act(self, hidden: Tensor | None, glimpses: Tensor, locations: Tensor) -> tuple[NDArray[np.float32], Any]:
        """The actions and the state of `predict` after one more glimpse."""
        observation = {"glimpse": to_numpy(glimpses), "location": to_numpy(locations)}
        if hidden is None:
            return self._start(observation)
        if self._form is None:
            self._start({name: array[:1] for name, array in observation.items()})
        return self.agent.predict(observation, state=self.restore(hidden), episode_start=None, deterministic=True)

    def _start(self, observation: dict[str, NDArray[np.float32]]) -> tuple[NDArray[np.float32], Any]:
        """What `predict` returns at the start of episodes, where all else that the agent may observe is 0."""
        count = len(observation["location"])
        space = getattr(self.agent, "observation_space", None)
        parts = space.spaces if isinstance(space, spaces.Dict) else {}
        other = {name: np.zeros((count, *(part.shape or ())), np.float32) for name, part in parts.items()}
        return self.predict(other | observation, None, np.ones(count, dtype=bool), deterministic=True)

    def _tensor(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self.device)


class _StateForm:
    """How an agent's state is made of rows: an array as it is, or a tuple of parts of some layers and sizes."""

    def __init__(self, state: Any) -> None:
        self.parts = [(part.shape[0], part.shape[2]) for part in state] if isinstance(state, tuple) else None

    def restore(self, rows: NDArray[np.float32]) -> Any:
        if self.parts is None:
            return rows.copy()
        ends = np.cumsum([layers * size for layers, size in self.parts])[:-1]
        return tuple(
            part.reshape(len(rows), layers, size).swapaxes(0, 1).copy()
            for part, (layers, size) in zip(np.split(rows, ends, axis=1), self.parts, strict=True)
        )
