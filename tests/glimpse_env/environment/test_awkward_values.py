"""Every argument takes every awkward value, or refuses it with an error that says what was expected and what came."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import VectorEnv

from glimpse_env import (
    DiscreteActions,
    EntropyShapedReward,
    VectorDiscreteActions,
    VectorEntropyShapedReward,
)
from glimpse_env.dataset_rollout import dataset_rollout
from glimpse_env.registration import make_env, make_vector_env
from glimpse_env.utils.errors import shown

N = 2
AWKWARD: list[Any] = [
    None,
    True,
    np.bool_(False),
    0,
    1,
    -1,
    2,
    2**31,
    2**63,
    10**400,
    10**5000,
    0.0,
    -0.5,
    1.7,
    1e39,
    float("nan"),
    float("inf"),
    1j,
    Fraction(1, 2),
    np.int64(3),
    np.uint8(2),
    np.float32(0.5),
    np.float64("nan"),
    "",
    "0",
    "digits",
    "rgb_array",
    "x\0y",
    "x" * 5000,
    b"digits",
    Path("nowhere"),
    (),
    (0, 0),
    (True, False),
    (None, None),
    (0.5, float("nan")),
    (10**400, 0),
    [1, 2],
    [-1, 0],
    [1.5, 0],
    [None, 1],
    [None, None],
    ["a", "b"],
    [[0, 1]],
    [0, [1]],
    [0] * 3,
    {0, 1},
    {},
    {"index": 0},
    {3: 4},
    range(2),
    np.arange(2),
    np.array(3),
    np.array([0.5, 0.5]),
    np.array([True, False]),
    np.array([2**63, 0], dtype=np.uint64),
    np.array(["a", None], dtype=object),
    np.zeros((2, 2)),
    np.zeros(0),
    torch.tensor(1),
    torch.tensor([0, 1]),
    torch.tensor([0.5, float("nan")]),
    torch.zeros(2, dtype=torch.bfloat16),
    torch.zeros(2, device="meta"),
    torch.device("meta"),
    torch.float32,
    object(),
    type,
    lambda: 0,
]
OURS = (TypeError, ValueError, IndexError)
SAYS = re.compile(r"[Ee]xpected .*(, got|, but) .|^Unknown .* Known: .|got an unexpected keyword argument")


# Below gym.make, which adds all arguments to the message.
def single(**arguments: Any) -> gym.Env[Any, Any]:
    return make_env(**{"dataset": "digits", "num_glimpses": 2} | arguments)


def vector(**arguments: Any) -> VectorEnv[Any, Any, Any]:
    return make_vector_env(**{"dataset": "digits", "num_glimpses": 2, "num_envs": N} | arguments)


class Constant:
    """An agent that always does the same."""

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        return np.zeros((N, 12), np.float32), None


def attempts() -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What can be asked of environments, as functions of one value."""

    def make_and_play(make: Callable[..., Any], name: str, value: Any, **others: Any) -> None:
        env = make(**{name: value} | others)
        env.reset(seed=0)
        env.step(env.action_space.sample())

    def started(make: Callable[..., Any]) -> Any:
        env = make()
        env.reset(seed=0)
        return env

    names = ["dataset", "split", "glimpse_size", "num_scales", "initial_location", "canvas_size", "data_dir"]
    for kind, make in {"single": single, "vector": vector}.items():
        for name in [*names, "num_glimpses", "render_mode", "reward", "reward_weight", "frameskip"]:
            yield f"{kind} {name}", lambda value, make=make, name=name: make_and_play(make, name, value)
        yield (
            f"{kind} num_distractors",
            lambda value, make=make: make_and_play(make, "num_distractors", value, canvas_size=40),
        )
        for name in ("index", "episode", "idx"):
            yield f"{kind} option {name}", lambda value, make=make, name=name: make().reset(options={name: value})
        yield f"{kind} options", lambda value, make=make: make().reset(options=value)
        yield f"{kind} seed", lambda value, make=make: make().reset(seed=value)
        yield f"{kind} action", lambda value, make=make: started(make).step(value)
    yield "vector num_envs", lambda value: make_and_play(vector, "num_envs", value)
    yield "vector episodes_per_image", lambda value: make_and_play(vector, "episodes_per_image", value)
    yield "vector device", lambda value: vector(device=value).reset(seed=0)
    yield "vector torch action", lambda value: started(lambda: vector(device="cpu")).step(value)
    yield "single grid", lambda value: DiscreteActions(single(), grid=value)
    yield "vector grid", lambda value: VectorDiscreteActions(vector(), grid=value)
    yield "single cell", lambda value: started(lambda: DiscreteActions(single(), grid=2)).step(value)
    yield "vector cell", lambda value: started(lambda: VectorDiscreteActions(vector(), grid=2)).step(value)
    yield "single weight", lambda value: EntropyShapedReward(single(), weight=value)
    yield "vector weight", lambda value: VectorEntropyShapedReward(vector(), weight=value)
    yield "rollout images", lambda value: next(dataset_rollout(Constant(), vector(), value))
    yield "rollout seed", lambda value: next(dataset_rollout(Constant(), vector(), seed=value))


ATTEMPTS = dict(attempts())


@pytest.mark.parametrize("name", ATTEMPTS)
def test_awkward_values_are_taken_or_refused_in_clear_words(name: str) -> None:
    unclear = []
    for value in AWKWARD:
        try:
            ATTEMPTS[name](value)
        except OURS as error:
            if not SAYS.search(str(error)) or "\n" in str(error):
                unclear.append((value, f"{type(error).__name__}: {error}"))
        except Exception as error:
            unclear.append((value, f"{type(error).__name__}: {error}"))
    assert not unclear, "\n".join(f"{shown(value)[:60]}: {message[:300]}" for value, message in unclear)


ONE_FOR_EACH = ("option index", "action", "cell")


@pytest.mark.parametrize(
    "name", sorted({name.split(" ", 1)[1] for name in ATTEMPTS if name.startswith("single ")} - {*ONE_FOR_EACH})
)
def test_single_and_vector_environments_agree(name: str) -> None:
    def answer(kind: str, value: Any) -> type[Exception] | None:
        try:
            ATTEMPTS[f"{kind} {name}"](value)
        except OURS as error:
            return type(error)
        return None

    for value in AWKWARD:
        # Seeds and indices that are one for each sub-environment.
        if name == "seed" and isinstance(value, list | tuple | range | np.ndarray):
            continue
        if name == "options" and isinstance(value, dict):
            continue
        assert answer("single", value) is answer("vector", value), shown(value)
