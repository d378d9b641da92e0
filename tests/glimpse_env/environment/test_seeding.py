"""Seeds, the order of the images, resuming at an episode, and copies of an environment."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest

import glimpse_env
from glimpse_env import load_dataset
from tests.glimpse_env.environment.playing import answer, assert_same, digits, play, sample


def test_seed_determines_everything() -> None:
    first, second = digits(), digits()
    actions = sample(first, 6)
    for kwargs in ({"seed": 3}, {}, {}):
        assert_same(play(first, actions, **kwargs), play(second, actions, **kwargs))
    assert_same(play(first, actions, seed=3), play(second, actions, seed=3))


def test_unseeded_environments_differ() -> None:
    walks = [[env.reset()[1]["index"] for _ in range(8)] for env in (digits(), digits())]
    assert walks[0] != walks[1]


def test_seeds_0_to_3_give_different_episodes() -> None:
    env = digits()
    walks = {tuple(env.reset(seed=seed if step == 0 else None)[1]["index"] for step in range(8)) for seed in range(4)}
    assert len(walks) == 4


def test_first_locations_are_uniform() -> None:
    env = digits().unwrapped
    locations = np.stack([env.reset(seed=0 if i == 0 else None)[0]["location"] for i in range(2000)])
    counts = np.histogram2d(*locations.T, bins=4, range=[[-1, 1], [-1, 1]])[0]
    assert np.abs(counts - 125).max() < 6 * np.sqrt(125)


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_epoch_is_a_fresh_permutation(split: str) -> None:
    env = digits(split=split).unwrapped
    size = len(load_dataset("digits", split).images)
    walk = [env.reset(seed=9)[1]["index"]] + [env.reset()[1]["index"] for _ in range(2 * size - 1)]
    epochs = walk[:size], walk[size:]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(size))
    assert epochs[0] != epochs[1]
    assert epochs[0] != sorted(epochs[0])


def test_indices_visit_every_test_image_once() -> None:
    env = digits(split="test", num_glimpses=1)
    data = load_dataset("digits", "test")
    visited, labels = [], []
    for index in range(360):
        visited.append(env.reset(options={"index": index})[1]["index"])
        labels.append(env.step(answer(0))[4]["label"])
    assert visited == list(range(360))
    assert labels == data.labels.tolist()
    with pytest.raises(IndexError, match=r"\[0, 360\).*'digits'.*360"):
        env.reset(options={"index": 360})


def test_chosen_images_do_not_need_a_seed_and_keep_the_permutation_fresh() -> None:
    env = digits()
    assert env.reset(options={"index": np.int64(5)})[1] == {"index": 5}
    assert env.reset(seed=1, options={"index": 6})[1] == {"index": 6}
    assert type(env.reset()[1]["index"]) is int


@pytest.mark.parametrize("episode", [0, 1, 5, 5000])
def test_resuming_at_an_episode(episode: int) -> None:
    env, resumed = digits(num_glimpses=1).unwrapped, digits(num_glimpses=1).unwrapped
    walk = [env.reset(seed=3)] + [env.reset() for _ in range(episode + 2)]
    got = [resumed.reset(seed=3, options={"episode": episode}), resumed.reset(), resumed.reset()]
    assert_same(got, walk[episode:])
    assert_same(resumed.reset(options={"episode": episode}), walk[episode])


def test_env_spec_makes_the_same_environment() -> None:
    env = digits(reward="entropy", reward_weight=0.25, num_glimpses=3)
    again = gym.make(env.spec)
    assert str(again) == str(env)
    assert str(again).count("EntropyShapedReward") == 1
    assert again.spec == env.spec
    actions = sample(env, 3)
    assert_same(play(again, actions, seed=0), play(env, actions, seed=0))


def test_env_spec_survives_json_and_discrete_actions() -> None:
    env = glimpse_env.DiscreteActions(digits(initial_location=(0, 0)), grid=4)
    again = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert str(again).count("HardAttentionReward") == str(again).count("DiscreteActions") == 1
    assert again.action_space == env.action_space
    actions = sample(env, 6)
    assert_same(play(again, actions, seed=0), play(env, actions, seed=0))


def test_a_copy_goes_on_alike_and_shares_the_images() -> None:
    env = gym.make("GlimpseClutteredDigits-v0")
    env.reset(seed=1)
    copied = copy.deepcopy(env)
    assert copied.unwrapped.world.dataset is env.unwrapped.world.dataset
    for _ in range(3):
        ours, theirs = env.reset(), copied.reset()
        assert ours[1] == theirs[1]
        assert np.array_equal(ours[0]["glimpse"], theirs[0]["glimpse"])


def test_a_pickle_is_hardly_larger_than_the_images() -> None:
    env = gym.make("GlimpseClutteredDigits-v0")
    env.reset(seed=1)
    pickled = pickle.dumps(env)
    assert len(pickled) < env.unwrapped.world.dataset.images.numel() + 2**21
    assert pickle.loads(pickled).reset()[1] == env.reset()[1]
