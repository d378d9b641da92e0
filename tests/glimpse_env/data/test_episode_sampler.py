"""The episode sampler draws, episode by episode, what `counter_rng` gives for one key and one episode at a time."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from glimpse_env.data import counter_rng
from glimpse_env.data.episode_sampler import EpisodeSampler


def keys_of(count: int) -> counter_rng.Keys:
    return np.array([counter_rng.make_key(seed) for seed in range(count)])


def make(keys: counter_rng.Keys, num_images: int, num_numbers: int) -> EpisodeSampler:
    return EpisodeSampler(keys, num_images, num_numbers, torch.device("cpu"))


def draw_episodes(sampler: EpisodeSampler, episodes: int) -> tuple[np.ndarray, np.ndarray]:
    """`episodes` of them: `(episodes, N)` images and `(episodes, N, 2 + num_numbers)` locations and numbers."""
    drawn = [sampler.next() for _ in range(episodes)]
    images, locations, numbers = (torch.stack(parts).numpy() for parts in zip(*drawn, strict=True))
    assert locations.dtype == np.float32
    return images, np.concatenate([locations, numbers], axis=-1)


def numbers_of(keys: counter_rng.Keys, episodes: np.ndarray, count: int) -> np.ndarray:
    """The numbers of `counter_rng`, the first two as locations in [-1, 1]."""
    uniform = counter_rng.uniform(keys, episodes, 1, 2 + count)
    return np.concatenate([(2 * uniform[:, :2] - 1).astype(np.float32), uniform[:, 2:]], axis=-1)


# For one key some thousand episodes are drawn at once, for 5,000 keys one: the tests cross the ends of many batches.
@pytest.mark.parametrize(("num_envs", "episodes"), [(1, 9000), (3, 3000), (1000, 12), (4096, 3), (5000, 3)])
def test_drawing_ahead_gives_the_numbers_of_each_episode(num_envs: int, episodes: int) -> None:
    keys = keys_of(num_envs)
    images, numbers = draw_episodes(make(keys, 700, 4), episodes)
    assert images.shape == (episodes, num_envs)
    assert numbers.shape == (episodes, num_envs, 6)
    for env in {0, num_envs // 2, num_envs - 1}:
        for episode in range(0, episodes, max(1, episodes // 500)):
            key, number = keys[env : env + 1], np.array([episode])
            assert images[episode, env] == counter_rng.permuted(key, number, 0, 700)[0]
            assert np.array_equal(numbers[episode, env], numbers_of(key, number, 4)[0])


def test_keys_together_give_what_each_gives_alone() -> None:
    keys = keys_of(5)
    images, numbers = draw_episodes(make(keys, 50, 3), 2500)
    for env in range(5):
        own_images, own_numbers = draw_episodes(make(keys[env : env + 1], 50, 3), 2500)
        assert np.array_equal(images[:, env], own_images[:, 0])
        assert np.array_equal(numbers[:, env], own_numbers[:, 0])


def test_every_epoch_of_every_key_visits_everything_exactly_once() -> None:
    size = 1437
    images, _ = draw_episodes(make(keys_of(3), size, 0), 4 * size)
    for epoch in images.reshape(4, size, 3):
        assert (np.sort(epoch, axis=0) == np.arange(size)[:, None]).all()


@pytest.mark.parametrize("num_envs", [1, 3, 5000])
@pytest.mark.parametrize("episode", [0, 1, 4095, 4096, 10_000])
@pytest.mark.parametrize("drawn_before", [0, 1, 5])
def test_seek_goes_to_any_episode_from_anywhere(num_envs: int, episode: int, drawn_before: int) -> None:
    keys = keys_of(num_envs)
    sampler = make(keys, 700, 2)
    for _ in range(drawn_before):
        sampler.next()
    sampler.seek(episode)
    images, numbers = draw_episodes(sampler, 3)
    for offset in range(3):
        number = np.full(num_envs, episode + offset)
        assert np.array_equal(images[offset], counter_rng.permuted(keys, number, 0, 700))
        assert np.array_equal(numbers[offset], numbers_of(keys, number, 2))


def test_after_a_seek_the_end_of_what_was_drawn_ahead_is_crossed_in_order() -> None:
    whole, _ = draw_episodes(make(keys_of(2), 100, 1), 7000)
    sampler = make(keys_of(2), 100, 1)
    for start in (1500, 300, 2047):
        sampler.seek(start)
        images, _ = draw_episodes(sampler, 4500)
        assert np.array_equal(images, whole[start : start + 4500])


def test_the_same_keys_give_the_same_episodes() -> None:
    one, other = (draw_episodes(make(keys_of(2), 10, 2), 30) for _ in range(2))
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])


def test_episodes_that_were_returned_stay_as_they_were() -> None:
    sampler = make(keys_of(3000), 10, 2)
    drawn = sampler.next()
    before = [part.clone() for part in drawn]
    for _ in range(5):
        sampler.next()
    assert all(torch.equal(part, env) for part, env in zip(drawn, before, strict=True))


def test_a_split_of_one_image_has_only_that() -> None:
    images, numbers = draw_episodes(make(keys_of(2), 1, 1), 50)
    assert (images == 0).all()
    assert len(np.unique(numbers)) == 300


@pytest.mark.parametrize(("num_envs", "episodes_per_image"), [(4, 2), (6, 3), (3, 3), (6, 1)])
def test_sub_environments_in_a_row_share_images_and_numbers(num_envs: int, episodes_per_image: int) -> None:
    keys = keys_of(num_envs)
    device = torch.device("cpu")
    images, numbers = draw_episodes(EpisodeSampler(keys, 700, 4, device, episodes_per_image), 5)
    alone_images, alone_numbers = draw_episodes(make(keys, 700, 4), 5)
    first = np.arange(num_envs) // episodes_per_image * episodes_per_image
    assert (images == alone_images[:, first]).all()
    assert (numbers[:, :, 2:] == alone_numbers[:, first, 2:]).all()
    assert (numbers[:, :, :2] == alone_numbers[:, :, :2]).all(), "each keeps its own first locations"


@pytest.mark.parametrize("num_envs", [1, 100])
def test_memory_does_not_grow_with_what_could_be_drawn_ahead(num_envs: int) -> None:
    """With the numbers of 10,000 distractors, 4,096 episodes ahead would be 1.6 GB."""
    tracemalloc.start()
    sampler = make(keys_of(num_envs), 700, 50_002)
    for _ in range(3):
        sampler.next()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Some copies of a megabyte and of one episode in each sub-environment; how many depends on the version of NumPy.
    assert peak < 16 * (2**20 + num_envs * 50_004 * 8)


def test_some_go_on_while_others_stay() -> None:
    keys = keys_of(4)
    sampler, alone = make(keys, 70, 2), [make(keys[env : env + 1], 70, 2) for env in range(4)]
    rng = np.random.default_rng(0)
    for number in range(40):
        rows = np.arange(4) if number % 7 == 0 else np.flatnonzero(rng.random(4) < 0.5)
        if number % 9 == 8:
            sampler.seek(3, rows)
            for env in rows:
                alone[env].seek(3)
        drawn = sampler.next(None if number % 7 == 0 else rows)
        for place, env in enumerate(rows):
            for mine, others in zip(drawn, alone[env].next(), strict=True):
                assert torch.equal(mine[place], others[0])


def test_other_keys_for_some_begin_anew() -> None:
    keys = keys_of(6)
    sampler = make(keys[:3], 70, 2)
    sampler.next()
    sampler.seed(keys[4:], np.array([0, 2]))
    images, locations, numbers = sampler.next()
    for row, (key, before) in enumerate([(keys[4:5], 0), (keys[1:2], 1), (keys[5:6], 0)]):
        alone = make(key, 70, 2)
        alone.seek(before)
        for mine, others in zip((images, locations, numbers), alone.next(), strict=True):
            assert torch.equal(mine[row], others[0])
