"""The vector environment's interface: epochs, seeds, memory, what it refuses, specs and rendering."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import glimpse_env
from glimpse_env import load_dataset
from tests.glimpse_env.environment.playing_vectors import PLAIN, N, T, as_numpy, assert_same, native, play, sample


def test_every_sub_environment_sees_each_image_once_an_epoch() -> None:
    envs = native(split="test", num_glimpses=1, num_envs=3)
    action = sample(1, 3)[0]
    walk = [envs.reset(seed=0)[1]["index"]] + [envs.step(action)[4]["index"] for _ in range(359)]
    assert [sorted(column) for column in np.array(walk).T.tolist()] == [list(range(360))] * 3


def test_a_split_in_batches() -> None:
    envs = native(split="test", num_envs=100, num_glimpses=1)
    labels = load_dataset("digits", "test").labels.numpy()
    seen: list[int] = []
    for start in range(0, 360, 100):
        index = np.minimum(np.arange(start, start + 100), 359)
        assert_same(envs.reset(options={"index": index})[1]["index"], index)
        infos = envs.step(sample(1, 100)[0])[4]
        assert_same(infos["final_info"]["label"], labels[index])
        seen += index.tolist()
    assert sorted(set(seen)) == list(range(360))


def test_results_belong_to_the_caller() -> None:
    for device in (None, "cpu"):
        envs, untouched = native(reward="entropy", device=device), native(reward="entropy", device=device)
        actions = sample(2 * T)

        def spoil(value: Any) -> None:
            if isinstance(value, Mapping):
                for part in value.values():
                    spoil(part)
            elif isinstance(value, tuple | list) or getattr(value, "dtype", None) == np.dtype(object):
                for part in value:
                    spoil(part)
            elif value.dtype not in (np.bool_, torch.bool):
                value[:] = 0
            else:
                value[:] = False

        expected = play(untouched, actions, seed=0)
        result = envs.reset(seed=0)
        assert_same(as_numpy(result), as_numpy(expected[0]))
        spoil(result)
        for action, step in zip(actions, expected[1:], strict=True):
            result = envs.step(action)
            assert_same(as_numpy(result), as_numpy(step))
            spoil(result)


def test_actions_are_left_alone_and_not_kept() -> None:
    for device in (None, "cpu"):
        envs = native(device=device)
        envs.reset(seed=0)
        action: Any = np.full((N, 12), 0.5, np.float32)
        action = action if device is None else torch.from_numpy(action)
        observations = envs.step(action)[0]
        action[:] = -1
        assert (observations["location"] == 0.5).all()


def test_a_failed_reset_or_step_changes_nothing() -> None:
    bad_steps: list[tuple[Any, type[Exception], str]] = [
        (np.full((N, 12), np.nan, np.float32), ValueError, "finite"),
        (torch.full((N, 12), torch.inf), ValueError, "finite"),
        (np.zeros((N, 11), np.float32), ValueError, r"\(5, 12\).*\(5, 11\)"),
        (np.zeros((N + 1, 12), np.float32), ValueError, r"\(5, 12\).*\(6, 12\)"),
        (np.zeros(12, np.float32), ValueError, r"\(12,\)"),
        (np.zeros((N, 12), np.int64), TypeError, "int64"),
        (torch.zeros((N, 12), dtype=torch.int64), TypeError, "int64"),
        (None, TypeError, "object"),
    ]
    bad_resets: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"options": {"index": 3}}, ValueError, r"\(5,\).*\(\)"),
        ({"options": {"index": [1, 2]}}, ValueError, r"\(5,\).*\(2,\)"),
        ({"options": {"index": [0, 1, 2, 3, 10**7]}}, IndexError, "10000000"),
        ({"options": {"index": [0, 1, 2, 3, -1]}}, IndexError, "-1"),
        ({"options": {"index": np.zeros(N)}}, TypeError, "integers"),
        ({"options": {"idx": np.arange(N)}}, ValueError, "'index'"),
        ({"options": {"episode": -1}}, ValueError, "episode.*-1"),
        ({"options": {"episode": np.arange(N)}}, TypeError, "episode"),
        ({"seed": 8, "options": {"episode": -1}}, ValueError, "episode.*-1"),
        ({"seed": [1, 2, 3]}, ValueError, "5 seeds.*3"),
        ({"seed": -1}, ValueError, "-1"),
        ({"seed": [1, 2, 3, 4, -1]}, ValueError, "-1"),
        ({"seed": 1.5}, TypeError, "1.5"),
        ({"seed": [0.0] * N}, TypeError, "0.0"),
    ]
    for device in (None, "cpu"):
        envs, untouched = (native(reward="information", device=device) for _ in range(2))
        actions = sample(2 * T)
        got, expected = [envs.reset(seed=0)], play(untouched, actions, seed=0)
        for action in actions:
            for bad_action, error, message in bad_steps:
                with pytest.raises(error, match=message):
                    envs.step(bad_action)
            for kwargs, error, message in bad_resets:
                with pytest.raises(error, match=message):
                    envs.reset(**kwargs)
            got.append(envs.step(action))
        assert_same(as_numpy(got), as_numpy(expected))
        assert_same(as_numpy(envs.reset()), as_numpy(untouched.reset()))


def test_stepping_before_reset() -> None:
    envs = native(reward="entropy")
    with pytest.raises(ResetNeeded, match=r"reset\(\)"):
        envs.step(sample(1)[0])
    actions = sample(T)
    assert_same(play(envs, actions, seed=0), play(native(reward="entropy"), actions, seed=0))


def test_seeds_of_numpy_integers() -> None:
    expected = native().reset(seed=3)
    assert_same(native().reset(seed=np.int64(3)), expected)  # type: ignore[arg-type]
    assert_same(native().reset(seed=np.arange(3, 3 + N)), expected)  # type: ignore[arg-type]


def test_unseeded_environments_differ() -> None:
    assert (native(num_envs=50).reset()[1]["index"] != native(num_envs=50).reset()[1]["index"]).any()


def test_spaces_and_metadata() -> None:
    envs, env = native(), gym.make(PLAIN)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert envs.single_observation_space == env.observation_space
    assert envs.single_action_space == env.action_space
    assert envs.num_envs == N
    observations, _ = envs.reset(seed=0)
    assert observations in envs.observation_space
    for _ in range(2 * T):
        assert envs.step(envs.action_space.sample())[0] in envs.observation_space


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_envs": 1},
        {"num_envs": 3, "vectorization_mode": "vector_entry_point"},
        {"num_envs": 3, "vectorization_mode": "sync"},
        {"num_envs": 2, "device": "cpu"},
        {"num_envs": 2, "device": None, "reward": None},
        {
            "num_envs": 2,
            "split": "test",
            "num_glimpses": 2,
            "glimpse_size": 5,
            "num_scales": 2,
            "initial_location": [0, 0],
            "canvas_size": 50,
            "num_distractors": 1,
            "reward": "entropy",
            "reward_weight": 1,
            "render_mode": "rgb_array",
            "data_dir": "nowhere",
        },
    ],
)
def test_make_vec_accepts(arguments: dict[str, Any]) -> None:
    envs = gym.make_vec(PLAIN, **arguments)
    envs.reset(seed=0)
    assert len(envs.step(envs.action_space.sample())[1]) == arguments.get("num_envs", 1)
    again = gym.make_vec(envs.spec)
    assert again.num_envs == envs.num_envs
    assert type(again) is type(envs)


def test_without_a_mode_the_native_one_is_taken() -> None:
    assert isinstance(gym.make_vec(PLAIN, num_envs=2).unwrapped, glimpse_env.GlimpseVectorEnv)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_envs": 0}, ValueError, "num_envs.*0"),
        ({"num_envs": -3}, ValueError, "num_envs.*-3"),
        ({"num_envs": 2.5}, TypeError, r"num_envs.*2\.5"),
        ({"num_envs": "4"}, TypeError, "num_envs.*'4'"),
        ({"device": "gpu"}, ValueError, "gpu"),
        ({"render_mode": "human"}, ValueError, "human"),
        ({"devise": "cpu"}, TypeError, "Did you mean 'device'"),
        ({"rewards": "hard"}, TypeError, "Did you mean 'reward'"),
        ({"reward": "entropic"}, ValueError, "Did you mean 'entropy'"),
        ({"num_glimpses": 0}, ValueError, "num_glimpses.*0"),
        ({"canvas_size": 20}, ValueError, "canvas_size.*28.*20"),
    ],
)
def test_make_vec_refuses(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        gym.make_vec(PLAIN, vectorization_mode="vector_entry_point", **arguments)


def test_rendering() -> None:
    envs, silent = native(num_envs=2, render_mode="rgb_array"), native(num_envs=2)
    assert silent.render() is None
    with pytest.raises(ResetNeeded):
        envs.render()
    envs.reset(seed=0)
    env = gym.make(PLAIN, render_mode="rgb_array")
    env.reset(seed=1)
    frames = envs.render()
    assert isinstance(frames, Sequence)
    assert len(frames) == 2
    assert_same(frames[1], env.render())


@pytest.mark.skipif(
    tuple(map(int, gym.__version__.split(".")[:2])) < (1, 4),
    reason="this wrapper of Gymnasium before 1.4 leaves out rewards where environments reset in the same step",
)
def test_episode_statistics() -> None:
    envs = RecordEpisodeStatistics(native(reward="entropy", num_glimpses=3))
    plain = native(reward="entropy", num_glimpses=3)
    actions = sample(6)
    steps, expected = play(envs, actions, seed=0)[1:], play(plain, actions, seed=0)[1:]
    for end in (3, 6):
        episode = steps[end - 1][4]["episode"]
        total = sum(step[1] for step in expected[end - 3 : end])
        np.testing.assert_allclose(episode["r"], total, rtol=1e-6)
        assert episode["l"].tolist() == [3] * N
    assert all("episode" not in steps[i][4] for i in (0, 1, 3, 4))


def test_world_specs_survive_pickling() -> None:
    envs = native(reward="entropy", reward_weight=0.1)
    spec = pickle.loads(pickle.dumps(envs.spec))
    actions = sample(T)
    assert_same(play(gym.make_vec(spec), actions, seed=0), play(envs, actions, seed=0))


@pytest.mark.parametrize("device", ["gpu", "", 3.5, "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device: Any) -> None:
    with pytest.raises(ValueError, match="expected a device that torch has here"):
        gym.make_vec("GlimpseDigits-v0", 2, vectorization_mode="vector_entry_point", device=device)
