"""Every argument takes every awkward value, or refuses it with an error that says what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
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
from tests.awkward_values import AWKWARD, OURS, unclear_errors

N = 2


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

    names = [
        "dataset",
        "split",
        "glimpse_size",
        "num_scales",
        "initial_location",
        "canvas_size",
        "data_dir",
        "image_size",
    ]
    for kind, make in {"single": single, "vector": vector}.items():
        for name in [*names, "num_glimpses", "context_size", "render_mode", "reward", "reward_weight", "frameskip"]:
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
    unclear = unclear_errors(ATTEMPTS[name])
    assert not unclear, unclear


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
