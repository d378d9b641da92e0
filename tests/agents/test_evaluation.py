"""Evaluation: each image once, the same in batches of any size, by predict alone; intervals against a known table."""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C as SB3A2C

from agents import REINFORCE, Algorithm, GlimpseFeatures, evaluate, make_sb3_env
from glimpse_env import VectorDiscreteActions, load_dataset
from glimpse_env.utils.wilson import wilson_interval

ID = "GlimpseDigits-v0"
IMAGES, T = 360, 6
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}


def native(num_envs: int, **arguments: Any) -> Any:
    return gym.make_vec(ID, num_envs, vectorization_mode="vector_entry_point", split="test", **arguments)


@pytest.fixture(scope="module")
def agent() -> Algorithm:
    return REINFORCE(ID, policy_kwargs=SIZES, num_envs=64, seed=0, device="cpu").learn(64 * T * 50)


class Oracle:
    """Believes in what it is told to."""

    def __init__(self, classes: np.ndarray) -> None:
        self.classes = classes  # (M, T)
        self.images, self.step = np.zeros(0, dtype=int), 0
        self.calls: list[dict[str, Any]] = []

    def watch(self, env: Any) -> Any:
        world = env.unwrapped.world
        begin = world.begin

        def remember(indices: Any = None, *others: Any, **more: Any) -> Any:
            self.images = None if indices is None else indices.numpy()
            return begin(indices, *others, **more)

        world.begin = remember
        return env

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> Any:
        self.calls.append(
            {"state": state, "start": episode_start, "deterministic": deterministic, "images": self.images}
        )
        step = 0 if state is None else state
        actions = np.zeros((len(self.images), 12), dtype=np.float32)
        actions[np.arange(len(actions)), 2 + self.classes[self.images, step]] = 1
        return actions, step + 1


def test_counts_each_image_once_and_each_glimpse_by_itself() -> None:
    labels = load_dataset("digits", "test").labels.numpy()
    rightly = np.arange(IMAGES)[:, None] < np.array([36, 90, 90, 180, 359, 360])
    classes = np.where(rightly, labels[:, None], (labels[:, None] + 1) % 10)
    oracle = Oracle(classes)
    evaluation = evaluate(oracle, oracle.watch(native(100)))
    assert evaluation.num_images == IMAGES
    assert evaluation.accuracy.tolist() == [0.1, 0.25, 0.25, 0.5, 359 / 360, 1]
    assert evaluation.mean_return == 1
    np.testing.assert_array_equal(evaluation.predictions, classes)
    np.testing.assert_array_equal(evaluation.labels, labels)
    low, high = wilson_interval(rightly.sum(0), IMAGES)
    np.testing.assert_array_equal(evaluation.low, low)
    np.testing.assert_array_equal(evaluation.high, high)


def test_begins_each_episode_without_a_state_and_acts_deterministically() -> None:
    oracle = Oracle(np.zeros((IMAGES, T), dtype=int))
    evaluate(oracle, oracle.watch(native(180)))
    assert len(oracle.calls) == 2 * T
    assert all(call["deterministic"] for call in oracle.calls)
    assert [call["state"] for call in oracle.calls] == [None, 1, 2, 3, 4, 5] * 2
    assert [call["start"].all() for call in oracle.calls] == ([True] + [False] * 5) * 2
    assert not any(call["start"].any() for call in oracle.calls if call["state"])


@pytest.mark.parametrize("num_envs", [7, 360, 500])
def test_does_not_depend_on_the_size_of_a_batch(agent: Algorithm, num_envs: int) -> None:
    usual, other = evaluate(agent), evaluate(agent, native(num_envs))
    np.testing.assert_array_equal(usual.predictions, other.predictions)
    np.testing.assert_allclose(usual.locations, other.locations, atol=1e-5)
    assert usual.mean_return == other.mean_return


def test_sees_an_image_as_a_single_environment_shows_it(agent: Algorithm) -> None:
    locations = evaluate(agent, seed=5).locations
    for index in (0, 1, 359):
        observation, _ = agent.make_env(split="test").reset(seed=5 + index, options={"index": index})
        np.testing.assert_array_equal(observation["location"], locations[index, 0])


def test_is_reproducible_and_depends_on_the_seed(agent: Algorithm) -> None:
    one, same, other = evaluate(agent), evaluate(agent), evaluate(agent, seed=10_000)
    assert one.to_json() == same.to_json()
    np.testing.assert_array_equal(one.locations, same.locations)
    assert not (one.locations[:, 0] == other.locations[:, 0]).any()


def test_changes_nothing_about_the_agent(agent: Algorithm) -> None:
    before = agent.generator.get_state().clone()
    evaluate(agent)
    assert agent.accuracy is None
    assert agent.generator.get_state().equal(before)


def test_agrees_with_the_environment_about_the_last_answer(agent: Algorithm) -> None:
    evaluation = evaluate(agent)
    assert evaluation.mean_return == pytest.approx(evaluation.accuracy[-1])


def test_takes_an_id_for_its_test_split(agent: Algorithm) -> None:
    assert evaluate(agent, ID).to_json() == evaluate(agent).to_json()


def test_takes_torch_tensors_and_any_reward(agent: Algorithm) -> None:
    usual, other = evaluate(agent), evaluate(agent, native(90, device="cpu", reward="entropy"))
    np.testing.assert_array_equal(usual.predictions, other.predictions)
    assert other.mean_return > usual.mean_return


def test_takes_recurrent_models_of_stable_baselines3() -> None:
    policy_kwargs = {"features_extractor_class": GlimpseFeatures, "lstm_hidden_size": 8}
    model = RecurrentPPO("MultiInputLstmPolicy", make_sb3_env(ID, 4), policy_kwargs=policy_kwargs, seed=0, device="cpu")
    one, other = evaluate(model, native(360)), evaluate(model, native(50))
    np.testing.assert_array_equal(one.predictions, other.predictions)
    assert one.accuracy.shape == (T,)


def test_takes_models_with_discrete_actions() -> None:
    model = SB3A2C("MultiInputPolicy", make_sb3_env(ID, 4, grid=3), seed=0, device="cpu")
    evaluation = evaluate(model, VectorDiscreteActions(native(120), grid=3))
    assert evaluation.mean_return == pytest.approx(evaluation.accuracy[-1])
    assert len(np.unique(evaluation.locations[:, 1:].reshape(-1, 2), axis=0)) <= 9


def test_becomes_json(agent: Algorithm) -> None:
    evaluation = evaluate(agent)
    read = json.loads(json.dumps(evaluation.to_json()))
    assert read["num_images"] == IMAGES
    assert read["accuracy"] == evaluation.accuracy.tolist()
    assert set(read) == {"num_images", "accuracy", "low", "high", "mean_return"}
