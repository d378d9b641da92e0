"""The schedule hands out, episode by episode, what `draws` gives one copy and one episode at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glimpse_env.data import counter_rng
from glimpse_env.data.episode_sampler import EpisodeSampler


def keys_of(count: int) -> counter_rng.Keys:
    return np.array([counter_rng.make_key(seed) for seed in range(count)])


def make(keys: counter_rng.Keys, num_images: int, num_numbers: int) -> EpisodeSampler:
    return EpisodeSampler(keys, num_images, num_numbers, torch.device("cpu"))


def hand_out(schedule: EpisodeSampler, episodes: int) -> tuple[np.ndarray, np.ndarray]:
    """`episodes` of them: `(episodes, N)` images and `(episodes, N, 2 + num_numbers)` locations and numbers."""
    handed = [schedule.next() for _ in range(episodes)]
    images, locations, numbers = (torch.stack(parts).numpy() for parts in zip(*handed, strict=True))
    assert locations.dtype == np.float32
    return images, np.concatenate([locations, numbers], axis=-1)


def numbers_of(keys: counter_rng.Keys, episodes: np.ndarray, count: int) -> np.ndarray:
    """What `draws` gives, the first two as locations in [-1, 1]."""
    uniform = counter_rng.uniform(keys, episodes, 1, 2 + count)
    return np.concatenate([(2 * uniform[:, :2] - 1).astype(np.float32), uniform[:, 2:]], axis=-1)


# With one copy some thousand episodes are drawn at once, with 5,000 copies one: both borders are crossed often.
@pytest.mark.parametrize(("copies", "episodes"), [(1, 9000), (3, 3000), (1000, 12), (4096, 3), (5000, 3)])
def test_draws_ahead_what_one_by_one_would_draw(copies: int, episodes: int) -> None:
    keys = keys_of(copies)
    images, numbers = hand_out(make(keys, 700, 4), episodes)
    assert images.shape == (episodes, copies)
    assert numbers.shape == (episodes, copies, 6)
    for copy in {0, copies // 2, copies - 1}:
        for episode in range(0, episodes, max(1, episodes // 500)):
            key, number = keys[copy : copy + 1], np.array([episode])
            assert images[episode, copy] == counter_rng.permuted(key, number, 0, 700)[0]
            assert np.array_equal(numbers[episode, copy], numbers_of(key, number, 4)[0])


def test_copies_together_live_through_what_each_lives_through_alone() -> None:
    keys = keys_of(5)
    images, numbers = hand_out(make(keys, 50, 3), 2500)
    for copy in range(5):
        own_images, own_numbers = hand_out(make(keys[copy : copy + 1], 50, 3), 2500)
        assert np.array_equal(images[:, copy], own_images[:, 0])
        assert np.array_equal(numbers[:, copy], own_numbers[:, 0])


def test_every_epoch_of_every_copy_visits_everything_exactly_once() -> None:
    size = 1437
    images, _ = hand_out(make(keys_of(3), size, 0), 4 * size)
    for epoch in images.reshape(4, size, 3):
        assert (np.sort(epoch, axis=0) == np.arange(size)[:, None]).all()


@pytest.mark.parametrize("copies", [1, 3, 5000])
@pytest.mark.parametrize("episode", [0, 1, 4095, 4096, 10_000])
@pytest.mark.parametrize("handed_out_before", [0, 1, 5])
def test_seek_goes_to_any_episode_from_anywhere(copies: int, episode: int, handed_out_before: int) -> None:
    keys = keys_of(copies)
    schedule = make(keys, 700, 2)
    for _ in range(handed_out_before):
        schedule.next()
    schedule.seek(episode)
    images, numbers = hand_out(schedule, 3)
    for offset in range(3):
        number = np.full(copies, episode + offset)
        assert np.array_equal(images[offset], counter_rng.permuted(keys, number, 0, 700))
        assert np.array_equal(numbers[offset], numbers_of(keys, number, 2))


def test_after_a_seek_the_border_of_what_was_drawn_ahead_is_crossed_in_order() -> None:
    whole, _ = hand_out(make(keys_of(2), 100, 1), 7000)
    schedule = make(keys_of(2), 100, 1)
    for start in (1500, 300, 2047):
        schedule.seek(start)
        images, _ = hand_out(schedule, 4500)
        assert np.array_equal(images, whole[start : start + 4500])


def test_the_same_keys_give_the_same_schedule() -> None:
    one, other = (hand_out(make(keys_of(2), 10, 2), 30) for _ in range(2))
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])


def test_what_was_handed_out_stays_as_it_was() -> None:
    schedule = make(keys_of(3000), 10, 2)
    handed = schedule.next()
    before = [part.clone() for part in handed]
    for _ in range(5):
        schedule.next()
    assert all(torch.equal(part, copy) for part, copy in zip(handed, before, strict=True))


def test_a_split_of_one_image_has_only_that() -> None:
    images, numbers = hand_out(make(keys_of(2), 1, 1), 50)
    assert (images == 0).all()
    assert len(np.unique(numbers)) == 300
