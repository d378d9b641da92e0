"""Every form of a callback becomes one that knows the agent."""

from __future__ import annotations

from typing import Any

import pytest
from stable_baselines3.common.callbacks import BaseCallback

from agents import REINFORCE
from agents.sb3.callbacks import read_callback


class Recorder(BaseCallback):
    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def _on_step(self) -> bool:
        self.steps += 1
        return self.steps < 3


@pytest.fixture(scope="module")
def agent() -> REINFORCE:
    sizes = {"hidden_size": 8, "what_size": 4, "where_size": 4}
    return REINFORCE("GlimpseDigits-v0", policy_kwargs=sizes, num_envs=2, seed=0, device="cpu")


def test_none_goes_on_for_ever(agent: REINFORCE) -> None:
    callback = read_callback(None, agent)
    assert all(callback.on_step() for _ in range(5))


def test_one_is_taken_as_it_is(agent: REINFORCE) -> None:
    recorder = Recorder()
    assert read_callback(recorder, agent) is recorder
    assert recorder.model is agent  # type: ignore[comparison-overlap]


def test_a_list_calls_all_of_them_and_stays_as_it_was(agent: REINFORCE) -> None:
    recorders = [Recorder(), Recorder()]
    callback = read_callback(recorders, agent)
    assert [callback.on_step() for _ in range(3)] == [True, True, False]
    assert [recorder.steps for recorder in recorders] == [3, 3]
    assert len(recorders) == 2


def test_a_function_is_asked_at_each_step(agent: REINFORCE) -> None:
    seen: list[Any] = []

    def stop_after_two(locals_: dict[str, Any], globals_: dict[str, Any]) -> bool:
        seen.append(locals_)
        return len(seen) < 2

    callback = read_callback(stop_after_two, agent)
    callback.on_training_start({"x": 1}, {})
    assert [callback.on_step(), callback.on_step()] == [True, False]
    assert seen[0] == {"x": 1}
