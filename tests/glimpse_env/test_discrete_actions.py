"""Discrete actions: what cells and classes stand for, and where the wrappers may go."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3.common.env_checker
import torch
from gymnasium import spaces
from gymnasium.utils import env_checker
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

import glimpse_env
from glimpse_env import DiscreteActions, HardAttentionReward, VectorDiscreteActions, load_dataset
from tests.glimpse_env.environment.playing_vectors import assert_same

N = 4
T = 6

ADVICE = (
    # A glimpse has the shape of an image, but is none for Stable-Baselines3's CNN policy.
    "It seems that your observation glimpse is an image but its `dtype` is (float32)",
    "It seems that your observation space glimpse is an image but the upper and lower bounds are not in [0, 255]",
    "The minimal resolution for an image is 36x36",
    "is different from the unwrapped version",  # it is a wrapper
)


def single(grid: Any = 3, **arguments: Any) -> DiscreteActions:
    return DiscreteActions(gym.make("GlimpseDigits-v0", **arguments), grid=grid)


def vector(grid: Any = 3, num_envs: int = N, **arguments: Any) -> VectorDiscreteActions:
    return VectorDiscreteActions(gym.make_vec("GlimpseDigits-v0", num_envs=num_envs, **arguments), grid=grid)


def sample(count: int, grid: int = 3) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(grid * grid, size=(count, N)), rng.integers(10, size=(count, N))], axis=-1)


def play(env: Any, actions: Any) -> list[Any]:
    return [env.reset(seed=0), *(env.step(action) for action in actions)]


def test_the_space() -> None:
    assert single(grid=5).action_space == spaces.MultiDiscrete([25, 10])
    assert single(grid=1).action_space == spaces.MultiDiscrete([1, 10])
    assert vector(grid=np.int64(5)).single_action_space == spaces.MultiDiscrete([25, 10])
    assert vector(grid=5).action_space.shape == (N, 2)
    assert single().observation_space == gym.make("GlimpseDigits-v0").observation_space


@pytest.mark.parametrize("grid", [1, 2, 3, 7])
def test_cells_stand_for_their_centres(grid: int) -> None:
    env = single(grid)
    centres = -1 + (2 * np.arange(grid) + 1) / grid
    for cell in range(grid * grid):
        location = env.action(np.array([cell, 0]))[:2]
        np.testing.assert_allclose(location, [centres[cell % grid], centres[cell // grid]], atol=1e-6)
        env.reset(seed=0)
        assert_same(env.step(np.array([cell, 0]))[0]["location"], location)


def test_belief_is_one_hot() -> None:
    env = single()
    for label in range(10):
        action = env.action(np.array([4, label]))
        assert action.dtype == np.float32
        assert action in env.env.action_space
        expected = np.full(10, -20)
        expected[label] = 20
        assert_same(action[2:], expected.astype(np.float32))


def test_the_right_class_is_rewarded() -> None:
    env = single()
    label = int(load_dataset("digits").labels[3])
    for guess in (label, (label + 1) % 10):
        env.reset(options={"index": 3})
        steps = [env.step(np.array([0, guess])) for _ in range(T)]
        assert [step[1] for step in steps] == [0] * (T - 1) + [guess == label]
        assert steps[-1][4] == {"label": label, "prediction": guess, "is_success": guess == label}


def test_vector_is_many_singles() -> None:
    singles = SyncVectorEnv([single] * N, autoreset_mode=AutoresetMode.SAME_STEP)
    actions = sample(2 * T + 1)
    assert_same(play(vector(), actions), play(singles, actions))


def test_torch_is_numpy() -> None:
    actions = sample(2 * T + 1)
    got, expected = play(vector(device="cpu"), torch.from_numpy(actions)), play(vector(), actions)
    for mine, others in zip(got, expected, strict=True):
        assert_same({key: value.numpy() for key, value in mine[0].items()}, others[0])
        if len(others) == 5:
            assert isinstance(mine[1], torch.Tensor)
            assert_same(mine[1].numpy(), others[1].astype(np.float32))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, "list"])
def test_any_integers_will_do(dtype: Any) -> None:
    env, envs = single(), vector()
    env.reset(seed=0)
    envs.reset(seed=0)
    action, actions = np.array([8, 9]), np.array([[8, 9]] * N)
    if dtype == "list":
        env.step(action.tolist())
        assert (envs.step(actions.tolist())[0]["location"] > 0.5).all()
    else:
        env.step(action.astype(dtype))
        assert (envs.step(actions.astype(dtype))[0]["location"] > 0.5).all()


@pytest.mark.parametrize("reward", ["entropy", "information", "anytime"])
def test_shaped_rewards_are_refused(reward: str) -> None:
    with pytest.raises(ValueError, match=r'expected reward="hard" or None.*one-hot.*got'):
        single(reward=reward)
    with pytest.raises(ValueError, match=r'expected reward="hard" or None.*one-hot.*got'):
        vector(reward=reward)


@pytest.mark.parametrize("reward", ["hard", None])
def test_other_rewards_are_accepted(reward: str | None) -> None:
    single(reward=reward).reset(seed=0)
    vector(reward=reward).reset(seed=0)


def test_a_shaped_reward_below_other_wrappers_is_refused() -> None:
    env = gym.wrappers.RecordEpisodeStatistics(gym.make("GlimpseDigits-v0", reward="entropy"))
    with pytest.raises(ValueError, match=r"one-hot.*EntropyShapedReward"):
        DiscreteActions(env, grid=3)


def test_the_reward_that_was_put_on_last_decides() -> None:
    DiscreteActions(HardAttentionReward(gym.make("GlimpseDigits-v0", reward="entropy")), grid=3)


@pytest.mark.parametrize(
    ("grid", "error"),
    [(0, ValueError), (-2, ValueError), (2.0, TypeError), ("3", TypeError), (None, TypeError), (True, TypeError)],
)
def test_grids_that_make_no_sense(grid: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="grid"):
        single(grid)
    with pytest.raises(error, match="grid"):
        vector(grid)


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1", "MountainCarContinuous-v0"])
def test_other_environments_are_refused(env_id: str) -> None:
    with pytest.raises(ValueError, match="expected a glimpse environment"):
        DiscreteActions(gym.make(env_id), grid=3)
    with pytest.raises(ValueError, match="expected a glimpse environment"):
        VectorDiscreteActions(gym.make_vec(env_id, num_envs=2, vectorization_mode="sync"), grid=3)


def test_discrete_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="MultiDiscrete"):
        DiscreteActions(single(), grid=3)
    with pytest.raises(ValueError, match="expected a glimpse environment"):
        VectorDiscreteActions(vector(), grid=3)


BAD_ACTIONS: dict[str, tuple[Any, type[Exception], str]] = {
    "cell beyond the grid": ([9, 0], ValueError, r"cell in \[0, 9\)"),
    "negative cell": ([-1, 0], ValueError, r"cell in \[0, 9\)"),
    "no such class": ([0, 10], ValueError, r"class in \[0, 10\)"),
    "negative class": ([0, -1], ValueError, r"class in \[0, 10\)"),
    "floats": ([0.0, 1.0], TypeError, "float64"),
    "booleans": ([True, False], TypeError, "bool"),
    "too short": ([1], ValueError, r"\(2,\).*\(1,\)"),
    "too long": ([1, 1, 1], ValueError, r"\(2,\).*\(3,\)"),
}


@pytest.mark.parametrize("name", BAD_ACTIONS)
def test_a_bad_action_changes_nothing(name: str) -> None:
    action, error, message = BAD_ACTIONS[name]
    env, untouched = single(), single()
    actions = sample(T)[:, 0]
    got = [env.reset(seed=0)]
    for good in actions:
        with pytest.raises(error, match=message):
            env.step(action)
        got.append(env.step(good))
    assert_same(got, play(untouched, actions))


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("name", BAD_ACTIONS)
def test_a_bad_vector_action_changes_nothing(name: str, device: str | None) -> None:
    action, error, _ = BAD_ACTIONS[name]
    bad = np.stack([action] * N) if error is TypeError or len(action) != 2 else np.array([[0, 0]] * (N - 1) + [action])
    envs, untouched = vector(device=device), vector(device=device)
    actions: Any = sample(T - 1)
    if device is not None:
        actions, bad = torch.from_numpy(actions), torch.from_numpy(bad)
    first = envs.reset(seed=0)
    for good, expected in zip(actions, play(untouched, actions)[1:], strict=True):
        with pytest.raises(error):
            envs.step(bad)
        step = envs.step(good)
        for key in first[0]:
            assert (step[0][key] == expected[0][key]).all()


def test_a_single_action_is_none_for_a_vector_environment() -> None:
    envs = vector()
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"\(4, 2\).*\(2,\)"):
        envs.step(np.array([0, 0]))


@pytest.mark.parametrize("check", [env_checker.check_env, stable_baselines3.common.env_checker.check_env])
def test_passes_the_checkers(check: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(single(), skip_render_check=True)
    messages = [str(warning.message) for warning in caught]
    assert not [message for message in messages if not any(known in message for known in ADVICE)]


def test_random_actions_fit_both_environments() -> None:
    env, envs = single(), vector()
    env.reset(seed=0)
    envs.reset(seed=0)
    for _ in range(T):
        env.step(env.action_space.sample())
        envs.step(envs.action_space.sample())
    assert isinstance(envs, VectorEnv)


def test_twins_around_the_rewards_by_hand() -> None:
    env = DiscreteActions(HardAttentionReward(gym.make("GlimpseDigits-v0", reward=None)), grid=3)
    assert_same(play(env, sample(T)[:, 0]), play(single(), sample(T)[:, 0]))
    assert glimpse_env.VectorDiscreteActions is VectorDiscreteActions
