"""Bad actions, resets and options: each is an error that says why, and changes nothing."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from tests.glimpse_env.environment.playing import answer, assert_same, digits, play, sample


def with_entry(value: float, position: int = 0) -> np.ndarray:
    action = answer(0)
    action[position] = value
    return action


BAD_ACTIONS: dict[str, tuple[Any, type[Exception], str]] = {
    "nan location": (with_entry(np.nan), ValueError, "finite"),
    "nan logit": (with_entry(np.nan, -1), ValueError, "finite"),
    "infinite": (with_entry(np.inf, 5), ValueError, "finite"),
    "minus infinite": (with_entry(-np.inf, 1), ValueError, "finite"),
    "too short": (answer(0)[:-1], ValueError, r"\(12,\).*\(11,\)"),
    "a batch": (answer(0)[None], ValueError, r"\(12,\).*\(1, 12\)"),
    "a number": (0.5, ValueError, r"\(12,\).*\(\)"),
    "integers": (np.zeros(12, np.int64), TypeError, "int64"),
    "booleans": (np.zeros(12, bool), TypeError, "bool"),
    "complex": (np.zeros(12, np.complex64), TypeError, "complex64"),
    "objects": (np.full(12, None), TypeError, "object"),
    "text": ("left", TypeError, "dtype"),
    "nothing": (None, TypeError, "object"),
    "a dictionary": ({"location": (0, 0)}, TypeError, "object"),
}


def test_stepping_before_reset() -> None:
    env = digits(reward="information")
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.unwrapped.step(answer(0))
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        env.step(answer(0))
    fresh = digits(reward="information")
    actions = sample(env, 6)
    assert_same(play(env, actions, seed=0), play(fresh, actions, seed=0))


def test_stepping_after_the_end() -> None:
    env, untouched = digits(reward="entropy"), digits(reward="entropy")
    actions = sample(env, 6)
    play(env, actions, seed=0)
    play(untouched, actions, seed=0)
    for _ in range(2):
        with pytest.raises(ResetNeeded, match=r"step 6.*reset\(\)"):
            env.step(actions[0])
    assert_same(play(env, actions), play(untouched, actions))


@pytest.mark.parametrize("name", BAD_ACTIONS)
def test_a_bad_action_changes_nothing(name: str) -> None:
    action, error, message = BAD_ACTIONS[name]
    env, untouched = digits(reward="entropy"), digits(reward="entropy")
    actions = sample(env, 6)
    expected = play(untouched, actions, seed=4) + play(untouched, actions)
    got = []
    for kwargs in ({"seed": 4}, {}):
        got.append(env.reset(**kwargs))
        for good in actions:
            # Below gymnasium's passive checker, which asserts before we can say more.
            with pytest.raises(error, match=message):
                env.unwrapped.step(action)
            got.append(env.step(good))
    assert_same(got, expected)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"options": {"index": -1}}, IndexError, "-1"),
        ({"options": {"index": 10**6}}, IndexError, "1000000"),
        ({"options": {"index": 1.0}}, TypeError, "integer"),
        ({"options": {"index": "3"}}, TypeError, "integer"),
        ({"options": {"index": True}}, TypeError, "integer"),
        ({"options": {"index": [1, 2]}}, TypeError, r"integer, got \[1, 2\]"),
        ({"options": {"indx": 1}}, ValueError, "'index'"),
        ({"options": {"index": 1, "seed": 1}}, ValueError, "'seed'"),
        ({"options": {"episode": -1}}, ValueError, "episode.*-1"),
        ({"options": {"episode": 0.5}}, TypeError, "episode.*0.5"),
        ({"seed": 3, "options": {"index": 2, "episode": -1}}, ValueError, "episode.*-1"),
        ({"seed": 3, "options": {"index": -1}}, IndexError, "-1"),
        ({"seed": -1}, ValueError, "-1"),
        ({"seed": 1.5}, TypeError, "integer"),
    ],
)
def test_a_bad_reset_changes_nothing(kwargs: dict[str, Any], error: type[Exception], message: str) -> None:
    env, untouched = digits(), digits()
    actions = sample(env, 6)
    play(env, actions, seed=4)
    play(untouched, actions, seed=4)
    with pytest.raises(error, match=message):
        env.reset(**kwargs)
    assert_same(play(env, actions), play(untouched, actions))
    env.reset()
    untouched.reset()
    with pytest.raises(error, match=message):
        env.reset(**kwargs)
    assert_same([env.step(action) for action in actions], [untouched.step(action) for action in actions])


@pytest.mark.parametrize("episode", [2**48, 2**63, 2**70])
def test_an_episode_beyond_all_numbers_is_refused_and_changes_nothing(episode: int) -> None:
    env, untouched = (gym.make("GlimpseDigits-v0") for _ in range(2))
    for one in (env, untouched):
        one.reset(seed=1)
    with pytest.raises(ValueError, match=r"episode to be less than 2\*\*48"):
        env.reset(options={"episode": episode})
    assert env.reset()[1] == untouched.reset()[1]


def test_options_that_are_no_dict_are_refused() -> None:
    with pytest.raises(TypeError, match="expected reset options to be a dict, got 3"):
        gym.make("GlimpseDigits-v0").reset(options=3)  # type: ignore[arg-type]


def test_ragged_actions_are_refused() -> None:
    env = gym.make("GlimpseDigits-v0", disable_env_checker=True)
    env.reset(seed=1)
    with pytest.raises(ValueError, match="expected action to be a regular array"):
        env.step([[0.0], 1.0])  # type: ignore[arg-type]
