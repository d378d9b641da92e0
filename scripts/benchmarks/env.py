"""The benchmark of the environments."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from glimpse_env import DatasetError
from scripts.benchmarks.tables import Benchmark, Row
from scripts.benchmarks.timing import Player, Seconds, peak_added, rates


def benchmark_env(seconds: Seconds = 3.0) -> Benchmark:
    """Steps a second and memory of the environments.

    Actions are random and drawn beforehand: what an agent costs does not count.

    Args:
        seconds: How long to measure each environment.
    """
    plain, cluttered, notes = ids_at_hand()
    # The sizes are given, so that they are the same whatever the data set.
    small: dict[str, Any] = {"id": plain, "num_glimpses": 6, "glimpse_size": 8, "num_scales": 1}
    large: dict[str, Any] = {"id": cluttered, "num_glimpses": 8, "glimpse_size": 12, "num_scales": 3}
    large |= {"canvas_size": 60, "num_distractors": 4}

    added = memory_added(1024, **large)  # before the others leave memory behind that it could use
    rewards = ("hard", "entropy", "information", "anytime")
    single = rates({reward: single_player(**small, reward=reward) for reward in rewards}, seconds)
    vector = rates({reward: vector_player(256, **small, reward=reward) for reward in rewards}, seconds)
    growth = rates({count: vector_player(count, **small) for count in (256, 8192)}, seconds)
    clutter = rates({"clutter": vector_player(256, **large)}, seconds)

    rows = [
        Row("single, 28x28, 8x8: steps/s", single["hard"], 15_000, "{:,.0f}"),
        Row("256 copies, 28x28, 8x8: steps/s", vector["hard"], 1_000_000, "{:,.0f}"),
        Row("256 copies, cluttered 60x60, 12x12, 3 scales: steps/s", clutter["clutter"], 200_000, "{:,.0f}"),
    ]
    for name, measured in (("single", single), ("256 copies", vector)):
        rows += [
            Row(f"{name}: time with reward {reward} / hard", measured["hard"] / measured[reward], 1.25, "{:.2f}", True)
            for reward in rewards[1:]
        ]
    rows.append(Row("steps/s of 8192 copies / of 256", growth[8192] / growth[256], 1, "{:.2f}"))
    rows.append(Row("memory of 1024 cluttered 60x60 copies: MB", added, 100, "{:.0f}", True))
    return Benchmark("Environments", rows, notes)


def ids_at_hand() -> tuple[str, str, list[str]]:
    """The ids to measure on, plain and cluttered, and a note where MNIST is not there."""
    plain, cluttered = "GlimpseMNIST-v0", "GlimpseClutteredMNIST-v0"
    try:
        gym.make(plain).close()
    except DatasetError as error:
        plain, cluttered = "GlimpseDigits-v0", "GlimpseClutteredDigits-v0"
        return plain, cluttered, [f"Measured on {plain} and {cluttered}, as MNIST is not there: {error}"]
    return plain, cluttered, []


def single_player(**arguments: Any) -> Player:
    """Makes one environment and plays it."""
    env = gym.make(**arguments, disable_env_checker=True)
    env.action_space.seed(0)
    env.reset(seed=0)
    actions = [env.action_space.sample() for _ in range(64)]

    def play(episodes: int = 50) -> int:
        steps = 0
        for _ in range(episodes):
            env.reset()
            ended = False
            while not ended:
                _, _, ended, _, _ = env.step(actions[steps % len(actions)])
                steps += 1
        return steps

    return play


def vector_player(num_envs: int, **arguments: Any) -> Player:
    """Makes copies of an environment in one batch and plays them, autoreset included."""
    envs = gym.make_vec(arguments.pop("id"), num_envs, vectorization_mode="vector_entry_point", **arguments)
    envs.action_space.seed(0)
    envs.reset(seed=0)
    actions = [envs.action_space.sample() for _ in range(8)]

    def play(episodes: int = 2) -> int:
        steps = 0
        for _ in range(episodes):
            ended = False
            while not ended:
                _, _, terminations, _, _ = envs.step(actions[steps % len(actions)])
                ended = terminations[0]
                steps += 1
        return steps * num_envs

    return play


def memory_added(num_envs: int, **arguments: Any) -> float | None:
    """Measures by how many megabytes the peak of memory in use grows when copies are made and played.

    What a single copy has brought in before, the data set and the libraries, does not count.

    Returns:
        Millions of bytes, or None where the system does not tell (Linux does).
    """
    vector_player(1, **arguments)()
    return peak_added(lambda: vector_player(num_envs, **arguments)())
