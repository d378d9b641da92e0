"""Random draws as a pure function of who draws, and for which episode.

Every copy of an environment has a key, made from its seed. What it draws for episode `k` depends on the key and `k`
alone, so one vectorised call serves any number of copies, and a copy in a vector environment draws exactly what a
single environment with the same seed draws. The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood,
"Fast Splittable Pseudorandom Number Generators", 2014).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FEISTEL_ROUNDS = 6
_FEISTEL_MIN_BITS = 6  # with fewer, some permutations of few items come several times as often as others


def make_key(seed: int) -> np.uint64:
    """Makes the key of the copy that was seeded with `seed` (any integer >= 0)."""
    return np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


def random_keys(generator: np.random.Generator, count: int) -> Keys:
    """Makes keys of `count` copies that were not seeded."""
    return generator.integers(2**64, size=count, dtype=np.uint64)


def uniform(keys: Keys, episodes: NDArray[np.int64], purpose: int, count: int) -> NDArray[np.float64]:
    """Draws uniform numbers.

    Args:
        keys: One key a copy, `(N,)`.
        episodes: The number of the episode that each copy draws for, `(N,)`, >= 0.
        purpose: What the numbers are for; draws for different purposes are independent.
        count: How many numbers each copy gets.

    Returns:
        `(N, count)` in [0, 1).
    """
    return (_bits(keys, episodes, purpose, count) >> np.uint64(11)) * np.float64(2.0**-53)


def permuted(keys: Keys, episodes: NDArray[np.int64], purpose: int, size: int) -> NDArray[np.int64]:
    """Walks through a fresh random permutation of `range(size)` in each epoch of `size` episodes.

    A small Feistel network permutes the numbers below a power of two; numbers that fall beyond `size` are sent through
    it again until they do not (cycle walking; Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). So no
    permutation is ever stored.

    Args:
        keys: One key a copy, `(N,)`.
        episodes: The number of the episode that each copy draws for, `(N,)`, >= 0.
        purpose: What the permutation is for; see `uniform`.
        size: How many items there are, at least 1.

    Returns:
        The item of each copy's episode, `(N,)` in [0, size).
    """
    epochs, positions = np.divmod(episodes, size)
    rounds = _bits(keys, epochs, purpose, _FEISTEL_ROUNDS)
    num_bits = max(_FEISTEL_MIN_BITS, int(size - 1).bit_length())
    items = _feistel(positions.astype(np.uint64), rounds, num_bits)
    while (outside := items >= size).any():
        items[outside] = _feistel(items[outside], rounds[outside], num_bits)
    return items.astype(np.int64)


def _bits(keys: Keys, episodes: NDArray[np.int64], purpose: int, count: int) -> Keys:
    """Draws 64 random bits `count` times for each copy, `(N, count)`."""
    return _mix(_mix(keys + _GOLDEN * episodes.astype(np.uint64))[:, None] + _counters(purpose, count))


@lru_cache(maxsize=64)
def _counters(purpose: int, count: int) -> Keys:
    return _GOLDEN * ((np.uint64(purpose) << np.uint64(32)) + np.arange(1, count + 1, dtype=np.uint64))


def _mix(x: Keys) -> Keys:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _feistel(items: Keys, rounds: Keys, num_bits: int) -> Keys:
    left_bits, right_bits = num_bits // 2, num_bits - num_bits // 2
    left, right = items >> np.uint64(right_bits), items & np.uint64(2**right_bits - 1)
    for key in rounds.T:
        scrambled = _mix(right ^ key) >> np.uint64(64 - left_bits)
        left, right = right, left ^ scrambled
        left_bits, right_bits = right_bits, left_bits
    return left << np.uint64(right_bits) | right
