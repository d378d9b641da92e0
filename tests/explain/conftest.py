"""A finite world, in which everything about expected information gain can be counted; and a tiny explanation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

from agents import REINFORCE, look_at_random
from explain.explanation import Explanation, ExplanationSettings, explain
from explain.recording import Recording
from explain.report.page import write_report
from glimpse_env.retina import MAX_PIXEL, Retina

RULED_OUT = -40.0


class FiniteWorld:
    """`K` possible canvases of 6x6 pixels, a glimpse of 2x2 pixels, and an agent that draws the right conclusions.

    The agent's state holds the logarithm of how probable it thinks each canvas, up to a constant, `(K,)`. Its beliefs
    follow by Bayes' rule. It always looks at the top-left corner next. `imagine` draws canvases from its state.

    Args:
        cells: Brightness of each canvas's 3x3 cells of 2x2 pixels, `(K, 3, 3)`, 0 or 1.
        labels: The class of each canvas, `(K,)`.
    """

    retina, grid = Retina(2, 1), 3

    def __init__(self, cells: Any, labels: Any) -> None:
        self.cells, self.labels = torch.as_tensor(cells), torch.as_tensor(labels)
        blocks = self.cells.repeat_interleave(2, 1).repeat_interleave(2, 2)
        self.canvases = (blocks[:, None] * MAX_PIXEL).to(torch.uint8)
        self.classes = torch.eye(int(self.labels.max()) + 1)[self.labels]  # (K, C)
        self.tables = self.retina.pool(self.canvases)
        self.calls: list[dict[str, Any]] = []

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        self.calls.append({"observation": observation, "state": state, "deterministic": deterministic})
        glimpse, location = (torch.as_tensor(observation[key]) for key in ("glimpse", "location"))
        if state is None:
            state = np.zeros((len(location), len(self.labels)), np.float32)
        if episode_start is not None:
            state = np.where(episode_start[:, None], np.float32(0), state)
        expected = self.retina.glimpses_everywhere(self.tables, location)  # (K, M, 1, 2, 2)
        possible = (expected == glimpse).flatten(2).all(2).T
        state = state + np.where(possible, np.float32(0), np.float32(RULED_OUT))
        corner = np.full((len(state), 2), -1, np.float32)
        return np.concatenate([corner, self.scores(state)], axis=1), state

    def scores(self, states: np.ndarray) -> np.ndarray:
        probable = torch.as_tensor(states).softmax(-1) @ self.classes
        return probable.log().clamp(min=-20).numpy()

    def beliefs(self, states: np.ndarray) -> np.ndarray:
        return torch.as_tensor(self.scores(states)).softmax(-1).numpy()

    def imagine(self, states: Tensor, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        probable = states.softmax(-1)
        which = torch.multinomial(probable, num_samples, replacement=True, generator=generator).T  # (S, B)
        return self.canvases[which] / MAX_PIXEL

    def outcomes(self, state: np.ndarray) -> list[list[tuple[float, Tensor]]]:
        """For each cell, row by row, what it may show: how probable that is, and the belief it would lead to."""
        probable = torch.as_tensor(state).double().softmax(-1)
        everything = []
        for row in range(3):
            for column in range(3):
                content = self.cells[:, row, column]
                shown = [(content == value).double() * probable for value in content.unique()]
                everything.append(
                    [
                        (part.sum().item(), part @ self.classes.double() / part.sum())
                        for part in shown
                        if part.sum() > 1e-12
                    ]
                )
        return everything

    def exact(self, state: np.ndarray, of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The expectation, for each cell, of a function of the next belief and this one, `(9,)`."""
        belief = torch.as_tensor(state).double().softmax(-1) @ self.classes.double()
        return torch.tensor(
            [sum(chance * of(following, belief).item() for chance, following in cell) for cell in self.outcomes(state)]
        )


class InTuples:
    """An agent whose state is in two parts, of 2 layers and of 1, as recurrent models of Stable-Baselines3 have it."""

    def __init__(self, world: FiniteWorld) -> None:
        self.world = world

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        if state is not None:
            assert isinstance(state, tuple)
            assert [part.shape[::2] for part in state] == [(2, 2), (1, 2)]
            state = np.concatenate([state[0][0], state[0][1], state[1][0]], axis=1)
        actions, state = self.world.predict(observation, state, episode_start, deterministic)
        parts = np.split(state, 3, axis=1)
        return actions, (np.stack(parts[:2]), np.stack(parts[2:]))


@pytest.fixture
def in_tuples() -> Callable[[FiniteWorld], InTuples]:
    """Makes the agent of a world with 6 canvases keep its state in two parts."""
    return InTuples


@pytest.fixture
def four_canvases() -> FiniteWorld:
    """The middle of the top row tells apart two and two, the right of it the others; all else is alike."""
    cells = torch.zeros(4, 3, 3, dtype=torch.int64)
    cells[[1, 3], 0, 1] = 1
    cells[[2, 3], 0, 2] = 1
    cells[:, 2, 2] = 1
    return FiniteWorld(cells, [0, 1, 2, 3])


@pytest.fixture
def random_world() -> Callable[..., FiniteWorld]:
    def make(seed: int, num_canvases: int = 6, num_classes: int = 3) -> FiniteWorld:
        rng = np.random.default_rng(seed)
        labels = np.arange(num_canvases) % num_classes
        return FiniteWorld(rng.integers(0, 2, (num_canvases, 3, 3)), labels)

    return make


@pytest.fixture(scope="session")
def tiny_explanation() -> Explanation:
    """Of an untrained agent that takes 2 glimpses of cluttered digits."""
    agent = REINFORCE(
        gym.make("GlimpseClutteredDigits-v0", num_glimpses=2),
        policy_kwargs={"hidden_size": 16, "what_size": 8, "where_size": 8},
        seed=0,
        device="cpu",
    )
    return explain(
        agent,
        agent.make_vec_env(20),
        agent.make_vec_env(20, split="test"),
        {"random": look_at_random(agent)},
        ExplanationSettings(
            num_train=100,
            num_test=40,
            num_epochs=1,
            num_eig=6,
            grid=3,
            num_samples=2,
            policy_images=10,
            policy_grid=2,
            policy_samples=2,
        ),
    )


@pytest.fixture(scope="session")
def tiny_report(tiny_explanation: Explanation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole report."""
    folder = tmp_path_factory.mktemp("explanation")
    write_report(tiny_explanation, folder / "new", "All that <it> knew", {"agent": {"core": "rnn & more"}})
    return folder / "new"


@pytest.fixture(scope="session")
def recording_of() -> Callable[..., Recording]:
    """Makes a recording of given beliefs `(N, T, C)` and labels `(N,)`, from image 100 of the split on."""

    def make(beliefs: list[list[list[float]]], labels: list[int]) -> Recording:
        count, glimpses = len(beliefs), len(beliefs[0])
        return Recording(
            hidden=torch.zeros(count, glimpses, 1),
            beliefs=torch.tensor(beliefs),
            locations=torch.zeros(count, glimpses, 2),
            labels=torch.tensor(labels),
            indices=torch.arange(100, 100 + count),
            canvases=torch.zeros(count, 1, 4, 4, dtype=torch.uint8),
            originals=torch.zeros(count, 1, 4, 4, dtype=torch.uint8),
            retina=Retina(2, 1),
        )

    return make
