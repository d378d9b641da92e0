"""A dataset rollout shows every image once for any batch size, and calls the agent as documented."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import glimpse_env
from glimpse_env.dataset_rollout import GlimpseBatch, dataset_rollout, to_numpy


class Wanderer:
    """Looks at the mirrored location, with logits and a state that depend on the glimpses."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, bool]] = []

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        self.asked.append((np.asarray(episode_start).copy(), deterministic))
        seen = observation["glimpse"].reshape(len(observation["location"]), -1)
        state = seen.sum(1, keepdims=True) + (0 if state is None else state)
        logits = np.cos(np.arange(10) + 10 * seen.mean(1, keepdims=True))
        return np.concatenate([-observation["location"], logits], axis=1).astype(np.float32), state


def make(num_envs: int, **arguments: Any) -> Any:
    return gym.make_vec(
        "GlimpseDigits-v0", num_envs, vectorization_mode="vector_entry_point", split="test", num_glimpses=3, **arguments
    )


def collect(batches: Any, field: str) -> np.ndarray:
    """A field of the batches by image and glimpse, `(images, glimpses, ...)`."""
    rows: dict[int, list[Any]] = {}
    for batch in batches:
        for row, image in enumerate(batch.images.tolist()):
            value = getattr(batch, field)
            rows.setdefault(image, []).append(value[row])
    assert list(rows) == sorted(rows)
    return np.array([rows[image] for image in rows])


@pytest.mark.parametrize("num_envs", [1, 7, 50])
def test_every_image_is_seen_exactly_once(num_envs: int) -> None:
    seen = [
        image
        for batch in dataset_rollout(Wanderer(), make(num_envs), 50)
        if batch.glimpse == 0
        for image in batch.images
    ]
    assert seen == list(range(50))


def test_by_default_the_whole_split_is_seen() -> None:
    seen = [image for batch in dataset_rollout(Wanderer(), make(100)) if batch.glimpse == 2 for image in batch.images]
    assert seen == list(range(360))


@pytest.mark.parametrize("field", ["logits", "rewards", "canvases"])
def test_the_size_of_the_batch_makes_no_difference(field: str) -> None:
    one, other = (collect(dataset_rollout(Wanderer(), make(num_envs), 23, seed=5), field) for num_envs in (4, 23))
    assert np.array_equal(one, other)


def test_an_image_is_seen_as_a_single_environment_shows_it() -> None:
    batches = list(dataset_rollout(Wanderer(), make(6), 6, seed=9))
    env = gym.make("GlimpseDigits-v0", split="test", num_glimpses=3)
    for image in range(6):
        observation, _ = env.reset(seed=9 + image, options={"index": image})
        for batch in batches:
            for key in observation:
                assert np.array_equal(batch.observation[key][image], observation[key])
            location = -observation["location"]
            action = np.concatenate([location, batch.logits[image]])
            observation, reward, *_ = env.step(action)
            assert reward == batch.rewards[image]


def test_the_agent_predicts_deterministically_and_is_told_where_episodes_start() -> None:
    agent = Wanderer()
    list(dataset_rollout(agent, make(4), 8))
    assert all(deterministic for _, deterministic in agent.asked)
    assert [start.tolist() for start, _ in agent.asked] == ([[True] * 4] + [[False] * 4] * 2) * 2


def test_canvases_are_those_of_the_images() -> None:
    batches: list[GlimpseBatch] = list(dataset_rollout(Wanderer(), make(4), 8))
    images = glimpse_env.load_dataset("digits", "test").images.numpy()
    for batch in batches:
        assert np.array_equal(batch.canvases[: len(batch.images)], images[batch.images])


def test_discrete_agents_have_logits_too() -> None:
    class Constant:
        def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
            return np.tile([4, 7], (len(observation["location"]), 1)), None

    env = glimpse_env.VectorDiscreteActions(make(5), grid=3)
    for batch in dataset_rollout(Constant(), env, 10):
        assert (batch.logits.argmax(1) == 7).all()
        assert batch.state is None


def test_tensors_become_arrays() -> None:
    batch = next(dataset_rollout(Wanderer(), make(4, device="cpu"), 4))
    assert all(isinstance(value, np.ndarray) for value in (*batch.observation.values(), batch.logits, batch.rewards))
    assert isinstance(to_numpy(torch.zeros(2)), np.ndarray)


@pytest.mark.parametrize("num_images", [0, 361])
def test_the_split_must_have_as_many_images(num_images: int) -> None:
    with pytest.raises(ValueError, match=f"expected num_images to be at (least 1|most 360), got {num_images}"):
        next(dataset_rollout(Wanderer(), make(4), num_images))


def test_other_environments_are_refused() -> None:
    env = gym.make_vec("CartPole-v1", 2)
    with pytest.raises(ValueError, match="native vector environment of glimpses"):
        next(dataset_rollout(Wanderer(), env))
