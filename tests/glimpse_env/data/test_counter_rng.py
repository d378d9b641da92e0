"""Counter-based random numbers: they depend on key, episode and purpose alone, and pass statistical tests."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from glimpse_env.data.counter_rng import Keys, make_key, permuted, random_keys, uniform


def many_keys(count: int) -> Keys:
    return np.array([make_key(seed) for seed in range(count)])


def epoch_of(key: np.uint64, epoch: int, size: int, purpose: int = 0) -> NDArray[np.int64]:
    return permuted(np.full(size, key), epoch * size + np.arange(size), purpose, size)


def excess(counts: NDArray[np.int64], expected: float) -> float:
    """How many standard deviations the chi-square of counts is above what chance gives."""
    freedom = counts.size - 1
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom))


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """In standard deviations of what chance gives."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1] * math.sqrt(a.size))


def test_a_seed_always_makes_the_same_key() -> None:
    keys = many_keys(10_000)
    assert keys.dtype == np.uint64
    assert np.array_equal(keys, many_keys(10_000))
    assert len(np.unique(keys)) == len(keys)
    assert make_key(2**200 + 1) != make_key(2**200)


def test_unseeded_keys_come_from_the_generator() -> None:
    keys = random_keys(np.random.default_rng(3), 1000)
    assert keys.dtype == np.uint64
    assert keys.shape == (1000,)
    assert len(np.unique(keys)) == 1000
    assert np.array_equal(keys, random_keys(np.random.default_rng(3), 1000))
    assert (keys >> np.uint64(63)).any(), "all 64 bits are drawn"


def test_numbers_are_float64_below_1() -> None:
    numbers = uniform(many_keys(5), np.arange(5), 1, 7)
    assert numbers.shape == (5, 7)
    assert numbers.dtype == np.float64
    assert (numbers >= 0).all()
    assert (numbers < 1).all()


def test_no_numbers_are_drawn_where_none_are_needed() -> None:
    assert uniform(many_keys(3), np.arange(3), 0, 0).shape == (3, 0)


@settings(deadline=None, max_examples=50)
@given(
    seeds=st.lists(st.integers(0, 2**64), min_size=1, max_size=8),
    first=st.integers(0, 2**40),
    purpose=st.integers(0, 50),
    size=st.integers(1, 5000),
)
def test_a_batch_draws_what_its_keys_draw_one_by_one(seeds: list[int], first: int, purpose: int, size: int) -> None:
    keys = np.array([make_key(seed) for seed in seeds])
    episodes = first + np.arange(len(keys))
    items, numbers = permuted(keys, episodes, purpose, size), uniform(keys, episodes, purpose, 6)
    for i in range(len(keys)):
        one = slice(i, i + 1)
        assert permuted(keys[one], episodes[one], purpose, size)[0] == items[i]
        assert np.array_equal(uniform(keys[one], episodes[one], purpose, 6)[0], numbers[i])


def test_fewer_numbers_are_the_first_of_more() -> None:
    keys, episodes = many_keys(4), np.arange(4)
    assert np.array_equal(uniform(keys, episodes, 1, 3), uniform(keys, episodes, 1, 30)[:, :3])


def test_inputs_stay_as_they_are() -> None:
    keys, episodes = many_keys(50), np.arange(50)
    before = keys.copy(), episodes.copy()
    permuted(keys, episodes, 0, 7)
    uniform(keys, episodes, 0, 7)
    assert np.array_equal(keys, before[0])
    assert np.array_equal(episodes, before[1])


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**64), epoch=st.integers(0, 2**30), size=st.integers(1, 3000))
def test_an_epoch_visits_everything_exactly_once(seed: int, epoch: int, size: int) -> None:
    items = epoch_of(make_key(seed), epoch, size)
    assert items.dtype == np.int64
    assert np.array_equal(np.sort(items), np.arange(size))


@pytest.mark.parametrize("size", [1, 2, 3, 63, 64, 65, 4096, 60_000])
def test_epochs_around_powers_of_two_visit_everything_exactly_once(size: int) -> None:
    for epoch in (0, 1):
        assert np.array_equal(np.sort(epoch_of(make_key(1), epoch, size)), np.arange(size))


@pytest.mark.parametrize("size", [100, 1437, 60_000])
def test_epochs_keys_and_purposes_differ(size: int) -> None:
    orders = [
        epoch_of(make_key(seed), epoch, size, purpose) for seed in (0, 1) for epoch in (0, 1) for purpose in (0, 1)
    ]
    orders.append(np.arange(size))
    for i, one in enumerate(orders):
        for other in orders[:i]:
            # Two random permutations agree in one place, on average.
            assert (one == other).sum() < 10
            assert abs(correlation(one.astype(float), other.astype(float))) < 5


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_all_permutations_of_few_items_are_about_equally_likely(size: int) -> None:
    keys = many_keys(20_000)
    orders = np.stack([permuted(keys, np.full(len(keys), i), 0, size) for i in range(size)], axis=1)
    codes = orders @ size ** np.arange(size)
    counts = np.array([(codes == np.dot(order, size ** np.arange(size))).sum() for order in permutations(range(size))])
    assert counts.sum() == len(keys)
    assert excess(counts, len(keys) / math.factorial(size)) < 6


@pytest.mark.parametrize("size", [6, 7, 8, 12, 16, 33, 64])
def test_all_pairs_of_neighbours_are_about_equally_likely(size: int) -> None:
    keys = many_keys(20_000)
    first, second = (permuted(keys, np.full(len(keys), 3 * size + i), 0, size) for i in (0, 1))
    counts = np.bincount(first * size + second, minlength=size * size).reshape(size, size)
    assert (np.diag(counts) == 0).all()
    assert excess(counts[~np.eye(size, dtype=bool)], len(keys) / (size * (size - 1))) < 6
    assert excess(counts.sum(1), len(keys) / size) < 6


@pytest.mark.parametrize("size", [1437, 60_000])
def test_neighbours_in_a_long_epoch_are_unrelated(size: int) -> None:
    bins = 16
    places = epoch_of(make_key(5), 2, size) * bins // size
    for distance in (1, 2, 3, 64):
        counts = np.bincount(places[:-distance] * bins + places[distance:], minlength=bins * bins)
        assert excess(counts, (size - distance) / bins**2) < 6


def test_numbers_are_uniform() -> None:
    numbers = uniform(many_keys(2000), np.arange(2000) % 7, 1, 50)
    counts = np.bincount((numbers * 100).astype(int).ravel(), minlength=100)
    assert excess(counts, numbers.size / 100) < 6
    assert numbers.mean() == pytest.approx(1 / 2, abs=0.005)
    assert numbers.var() == pytest.approx(1 / 12, abs=0.002)
    low_bits = (numbers * 2.0**53).astype(np.uint64) & np.uint64(255)
    assert excess(np.bincount(low_bits.astype(int).ravel(), minlength=256), numbers.size / 256) < 6


def test_numbers_of_neighbours_are_unrelated() -> None:
    keys, episodes = many_keys(3000), np.arange(3000)
    one = uniform(keys, episodes, 1, 10)
    assert abs(correlation(one, uniform(keys, episodes + 1, 1, 10))) < 5, "the next episode"
    assert abs(correlation(one, uniform(keys, episodes, 2, 10))) < 5, "another purpose"
    assert abs(correlation(one[:-1], one[1:])) < 5, "another key"
    assert abs(correlation(one[:, :-1], one[:, 1:])) < 5, "the next number"
    same_key = uniform(np.full(3000, keys[0]), episodes, 1, 10)
    assert abs(correlation(same_key[:-1], same_key[1:])) < 5, "the next episode of one key"


def test_no_number_is_drawn_twice() -> None:
    keys = np.repeat(many_keys(20), 20)
    episodes = np.tile(np.arange(20), 20)
    numbers = np.concatenate([uniform(keys, episodes, purpose, 50) for purpose in range(5)], axis=1)
    assert len(np.unique(numbers)) == numbers.size


def test_the_image_says_nothing_about_the_numbers() -> None:
    size = 1437
    key = np.full(4 * size, make_key(9))
    episodes = np.arange(len(key))
    items = permuted(key, episodes, 0, size).astype(float)
    for column in uniform(key, episodes, 1, 5).T:
        assert abs(correlation(items, column)) < 5
