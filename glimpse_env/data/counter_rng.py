"""Counter-based random numbers: a pure function of a key and the number of an episode.

Every sub-environment has a key, made from its seed. Its random numbers for episode `k` depend on the key and `k` alone.
So one vectorised call serves all sub-environments, and each gets exactly the numbers that a single environment with the
same seed gets. The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom
Number Generators", 2014).
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
    """Makes the key of a seed (any integer >= 0)."""
    return np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


def random_keys(generator: np.random.Generator, count: int) -> Keys:
    """Makes keys for `count` sub-environments without seeds."""
    return generator.integers(2**64, size=count, dtype=np.uint64)


def uniform(keys: Keys, episodes: NDArray[np.int64], purpose: int, count: int) -> NDArray[np.float64]:
    """Draws uniform numbers.

    Args:
        keys: One key per sub-environment, `(N,)`.
        episodes: The number of each sub-environment's episode, `(N,)`, >= 0.
        purpose: A number for the use of the numbers; those for different purposes are independent.
        count: How many numbers per sub-environment.

    Returns:
        `(N, count)` in [0, 1).
    """
    return (_bits(keys, episodes, purpose, count) >> np.uint64(11)) * np.float64(2.0**-53)


def permuted(keys: Keys, episodes: NDArray[np.int64], purpose: int, size: int) -> NDArray[np.int64]:
    """Draws items in random order: each epoch of `size` episodes goes through a fresh permutation of `range(size)`.

    A small Feistel network permutes the numbers below a power of two. Numbers that fall beyond `size` go through it
    again until they do not (cycle walking; Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). So no
    permutation is stored.

    Args:
        keys: One key per sub-environment, `(N,)`.
        episodes: The number of each sub-environment's episode, `(N,)`, >= 0.
        purpose: As of `uniform`.
        size: Number of items, at least 1.

    Returns:
        The item of each sub-environment's episode, `(N,)` in [0, size).
    """
    epochs, positions = np.divmod(episodes, size)
    rounds = _bits(keys, epochs, purpose, _FEISTEL_ROUNDS)
    num_bits = max(_FEISTEL_MIN_BITS, int(size - 1).bit_length())
    items = _feistel(positions.astype(np.uint64), rounds, num_bits)
    while (outside := items >= size).any():
        items[outside] = _feistel(items[outside], rounds[outside], num_bits)
    return items.astype(np.int64)


def _bits(keys: Keys, episodes: NDArray[np.int64], purpose: int, count: int) -> Keys:
    """Draws 64 random bits `count` times per sub-environment, `(N, count)`."""
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
