"""What happens in an episode: when it ends, what it tells, and whose memory its arrays are."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import glimpse_env
from glimpse_env import load_dataset, register_dataset
from tests.glimpse_env.environment.playing import answer, assert_same, digits, play, sample


def glimpse_at(canvas: np.ndarray, location: np.ndarray, size: int) -> np.ndarray:
    """The finest patch at a location, by the definition: centred there, background outside."""
    height, width = canvas.shape
    patch = np.zeros((size, size), np.float32)
    left = int(np.floor((location[0] + 1) * width / 2 - size / 2 + 0.5))
    top = int(np.floor((location[1] + 1) * height / 2 - size / 2 + 0.5))
    for row in range(size):
        for column in range(size):
            if 0 <= top + row < height and 0 <= left + column < width:
                patch[row, column] = canvas[top + row, left + column] / 255
    return patch


def test_an_episode_ends_after_exactly_t_actions() -> None:
    env = digits(num_glimpses=4)
    episode = play(env, sample(env, 4), seed=0)
    assert [step[2] for step in episode[1:]] == [False, False, False, True]
    assert [step[3] for step in episode[1:]] == [False] * 4
    assert [sorted(step[4]) for step in episode[1:]] == [[], [], [], ["is_success", "label", "prediction"]]
    assert sorted(episode[0][1]) == ["index"]


def test_info_at_the_end() -> None:
    env = digits()
    labels = load_dataset("digits").labels
    index = env.reset(seed=0)[1]["index"]
    for guess in (int(labels[index]), (int(labels[index]) + 1) % 10):
        info = play(env, np.stack([answer(guess)] * 6), options={"index": index})[-1][4]
        assert info == {"label": int(labels[index]), "prediction": guess, "is_success": guess == labels[index]}
        assert [type(info[key]) for key in ("label", "prediction", "is_success")] == [int, int, bool]


def test_the_bare_environment_pays_nothing() -> None:
    env = digits(reward=None)
    label = int(load_dataset("digits").labels[3])
    episode = play(env, np.stack([answer(label)] * 6), options={"index": 3})
    assert [step[1] for step in episode[1:]] == [0.0] * 6
    assert env is not env.unwrapped  # gymnasium's passive checker
    assert isinstance(env.unwrapped, glimpse_env.GlimpseEnv)


def test_index_shows_that_image() -> None:
    env = digits(split="test", initial_location=(0, 0))
    images = load_dataset("digits", "test").images.numpy()
    for index in (0, 17, 359):
        observation, _ = env.reset(options={"index": index})
        assert_same(observation["glimpse"][0], glimpse_at(images[index, 0], observation["location"], 8))


def test_glimpses_follow_the_actions() -> None:
    env = digits(split="test")
    image = load_dataset("digits", "test").images[8, 0].numpy()
    actions = sample(env, 6)
    episode = play(env, actions, options={"index": 8}, seed=0)
    for action, step in zip(actions[:-1], episode[1:], strict=False):
        assert_same(step[0]["location"], action[:2])
        assert_same(step[0]["glimpse"][0], glimpse_at(image, action[:2], 8))


def test_the_last_location_is_ignored() -> None:
    env = digits()
    actions = sample(env, 6)
    episode = play(env, actions, seed=5)
    assert_same(episode[-1][0], episode[-2][0])
    actions[-1, :2] = -actions[-1, :2]
    assert_same(play(env, actions, seed=5), episode)


def test_with_one_glimpse_the_first_is_the_last() -> None:
    env = digits(num_glimpses=1)
    observation, _ = env.reset(seed=0)
    step = env.step(answer(3, location=(0.7, 0.7)))
    assert_same(step[0], observation)
    assert step[2]
    assert step[4]["prediction"] == 3


def test_initial_location() -> None:
    env = digits(initial_location=(0.5, -1))
    for _ in range(3):
        assert_same(env.reset()[0]["location"], np.array([0.5, -1], np.float32))


def test_locations_and_logits_are_clipped() -> None:
    env = digits(reward="entropy")
    wild, tame = sample(env, 6).astype(np.float64), sample(env, 6)
    wild[1, :2], tame[1, :2] = (3, -1e6), (1, -1)
    wild[2, 2:4], tame[2, 2:4] = (1e9, -25), (20, -20)
    assert_same(play(env, wild, seed=2), play(env, tame, seed=2))
    assert_same(env.reset(seed=2) and env.step(wild[1])[0]["location"], np.array([1, -1], np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, "list"])
def test_any_floats_will_do(dtype: Any) -> None:
    env = digits().unwrapped
    env.reset(seed=0)
    action = answer(2, (0.5, -0.25))
    observation = env.step(action.tolist() if dtype == "list" else action.astype(dtype))[0]
    assert_same(observation["location"], np.array([0.5, -0.25], np.float32))


def test_very_large_numbers_are_clipped_without_a_warning() -> None:
    env = digits().unwrapped
    env.reset(seed=0)
    action = answer(2).astype(np.float64)
    action[0] = 1e300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observation = env.step(action)[0]
    assert_same(observation["location"], np.array([1, 0], np.float32))


def test_action_is_left_alone_and_not_kept() -> None:
    env = digits().unwrapped
    env.reset(seed=0)
    action = answer(2, (3.0, 0.25))
    before = action.copy()
    observation = env.step(action)[0]
    assert_same(action, before)
    action[:] = 0
    assert_same(observation["location"], np.array([1, 0.25], np.float32))


def test_the_label_is_in_no_observation() -> None:
    images, names = np.zeros((10, 28, 28), np.uint8), list("0123456789")
    register_dataset("blank", lambda split, data_dir: (images, np.arange(10), names))
    env = gym.make("Glimpse-v0", dataset="blank")
    actions = sample(env, 6)
    first, *others = ([step[0] for step in play(env, actions, seed=1, options={"index": i})] for i in range(10))
    for other in others:
        assert_same(first, other)
    assert all(sorted(observation) == ["glimpse", "location"] for observation in first)


def test_observations_share_no_memory() -> None:
    env = digits(num_scales=1)
    seen = [step[0] for step in play(env, sample(env, 6), seed=1)] + [step[0] for step in play(env, sample(env, 6))]
    untouched = [{key: value.copy() for key, value in observation.items()} for observation in seen]
    for observation in seen:
        for value in observation.values():
            value[:] = -1
    again = [step[0] for step in play(env, sample(env, 6), seed=1)] + [step[0] for step in play(env, sample(env, 6))]
    assert_same(again, untouched)
    for position, observation in enumerate(seen):
        for other in seen[:position]:
            assert not any(np.shares_memory(observation[key], other[key]) for key in observation)


def test_spoiling_an_observation_does_not_spoil_the_episode() -> None:
    env = digits()
    actions = sample(env, 6)
    expected = play(env, actions, seed=1)
    for values in env.reset(seed=1)[0].values():
        values[:] = -1
    for action, step in zip(actions, expected[1:], strict=True):
        result = env.step(action)
        assert_same(result, step)
        for values in result[0].values():
            values[:] = -1
