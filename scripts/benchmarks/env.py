"""The benchmark of the environments."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium as gym

from glimpse_env import DatasetError
from scripts.benchmarks.tables import Benchmark, Row
from scripts.benchmarks.timing import Seconds, Workload, measure_peak_memory, measure_rates


def benchmark_env(seconds: Seconds = 3.0) -> Benchmark:
    """Steps per second and memory of the environments.

    Actions are random and drawn beforehand, so that only the environments are timed.

    Args:
        seconds: How long to measure each environment.
    """
    plain, cluttered, notes = available_ids()
    # Every size is given, so that the data set makes no difference.
    small: dict[str, Any] = {"id": plain, "num_glimpses": 6, "glimpse_size": 8, "num_scales": 1}
    large: dict[str, Any] = {"id": cluttered, "num_glimpses": 8, "glimpse_size": 12, "num_scales": 3}
    large |= {"canvas_size": 60, "num_distractors": 4}

    memory = vector_env_memory(1024, **large)  # first: freed memory of the others would be used again
    rewards = ("hard", "entropy", "information", "anytime")
    single = measure_rates({reward: step_single_env(**small, reward=reward) for reward in rewards}, seconds)
    vector = measure_rates({reward: step_vector_env(256, **small, reward=reward) for reward in rewards}, seconds)
    growth = measure_rates({count: step_vector_env(count, **small) for count in (256, 8192)}, seconds)
    clutter = measure_rates({"clutter": step_vector_env(256, **large)}, seconds)

    rows = [
        Row("single, 28x28, 8x8: steps/s", single["hard"], 15_000, "{:,.0f}"),
        Row("256 sub-environments, 28x28, 8x8: steps/s", vector["hard"], 1_000_000, "{:,.0f}"),
        Row("256 sub-environments, cluttered 60x60, 12x12, 3 scales: steps/s", clutter["clutter"], 200_000, "{:,.0f}"),
    ]
    for name, measured in (("single", single), ("256 sub-environments", vector)):
        rows += [
            Row(f"{name}: time with reward {reward} / hard", measured["hard"] / measured[reward], 1.15, "{:.2f}", True)
            for reward in rewards[1:]
        ]
    rows.append(Row("steps/s of 8192 sub-environments / of 256", growth[8192] / growth[256], 1, "{:.2f}"))
    rows.append(Row("importing glimpse_env, on top of torch and gymnasium: s", import_seconds(), 0.3, "{:.2f}", True))
    rows.append(Row("memory of 1024 sub-environments, cluttered 60x60: MB", memory, 100, "{:.0f}", True))
    return Benchmark("Environments", rows, notes)


def import_seconds() -> float:
    """How long a fresh process takes to import `glimpse_env` when it has imported torch and gymnasium."""
    code = "import time, torch, gymnasium; start = time.perf_counter(); import glimpse_env; "
    code += "print(time.perf_counter() - start)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(ran.stdout)


def available_ids() -> tuple[str, str, list[str]]:
    """The ids to measure on, plain and cluttered; without MNIST, those of scikit-learn's digits and a note."""
    plain, cluttered = "GlimpseMNIST-v0", "GlimpseClutteredMNIST-v0"
    try:
        gym.make(plain).close()
    except DatasetError as error:
        plain, cluttered = "GlimpseDigits-v0", "GlimpseClutteredDigits-v0"
        return plain, cluttered, [f"Measured on {plain} and {cluttered}, because MNIST is missing: {error}"]
    return plain, cluttered, []


def step_single_env(**arguments: Any) -> Workload:
    """Makes an environment, and returns a workload of whole episodes that counts steps."""
    env = gym.make(**arguments, disable_env_checker=True)
    env.action_space.seed(0)
    env.reset(seed=0)
    actions = [env.action_space.sample() for _ in range(64)]

    def workload(episodes: int = 50) -> int:
        steps = 0
        for _ in range(episodes):
            env.reset()
            ended = False
            while not ended:
                _, _, ended, _, _ = env.step(actions[steps % len(actions)])
                steps += 1
        return steps

    return workload


def step_vector_env(num_envs: int, **arguments: Any) -> Workload:
    """Makes a native vector environment, and returns a workload of whole episodes with autoreset that counts steps."""
    envs = gym.make_vec(arguments.pop("id"), num_envs, vectorization_mode="vector_entry_point", **arguments)
    envs.action_space.seed(0)
    envs.reset(seed=0)
    actions = [envs.action_space.sample() for _ in range(8)]

    def workload(episodes: int = 2) -> int:
        steps = 0
        for _ in range(episodes):
            ended = False
            while not ended:
                _, _, terminations, _, _ = envs.step(actions[steps % len(actions)])
                ended = terminations[0]
                steps += 1
        return steps * num_envs

    return workload


def vector_env_memory(num_envs: int, **arguments: Any) -> float | None:
    """Measures the memory of making a vector environment and stepping through it.

    Data sets and libraries do not count: a single sub-environment has loaded them before.

    Returns:
        Megabytes (10**6 bytes); None where the system does not report it.
    """
    step_vector_env(1, **arguments)()
    return measure_peak_memory(lambda: step_vector_env(num_envs, **arguments)())
