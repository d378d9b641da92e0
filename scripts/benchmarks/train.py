"""The benchmark of training."""

from __future__ import annotations

import gymnasium as gym
import torch

from agents import A2C, PPO, REINFORCE, Algorithm
from agents.algorithms.devices import has_bfloat16
from glimpse_env import load_dataset
from scripts.benchmarks.env import available_ids
from scripts.benchmarks.plain_loop import train_plain_loop
from scripts.benchmarks.tables import Benchmark, Row
from scripts.benchmarks.timing import Seconds, Workload, measure_rates


def benchmark_train(seconds: Seconds = 10.0) -> Benchmark:
    """Training speed of the algorithms, in images per second.

    A whole training is timed, environment and logging included, on 28x28 with 6 glimpses of 8x8.

    Args:
        seconds: How long to measure each algorithm.
    """
    plain, _, notes = available_ids()
    env = gym.make(plain, num_glimpses=6, glimpse_size=8, num_scales=1)
    small, large = (REINFORCE(env, seed=0, num_envs=num_envs) for num_envs in (128, 512))
    a2c, ppo = A2C(env, seed=0, num_envs=128), PPO(env, seed=0, num_envs=128)
    algorithms = {"128": small, "512": large, "A2C": a2c, "PPO": ppo}
    algorithms["two threads"] = REINFORCE(env, seed=0, num_envs=512, num_threads=2)
    if has_bfloat16(large.device):
        algorithms["bfloat16"] = REINFORCE(env, seed=0, num_envs=512, precision="bfloat16")
    workloads = {name: train(algorithm) for name, algorithm in algorithms.items()}
    data = load_dataset(env.unwrapped.world.dataset.name)  # type: ignore[attr-defined]
    for num_envs in (128, 512):
        workloads[f"plain {num_envs}"] = train_plain_loop(data.images[:, 0], data.labels, num_envs)
    speed = measure_rates(workloads | {"matmul": multiply_matrices()}, seconds)

    # A weight of a linear layer takes one multiplication and one addition; the backward pass twice as many.
    weights = sum(weight.numel() for weight in large.policy.parameters() if weight.ndim == 2)
    operations = 3 * 2 * weights * large.num_glimpses
    matmul_fraction = speed["512"] * operations / speed["matmul"]
    epochs = ppo.settings.n_epochs
    notes.append(f"Matrix products: {speed['matmul'] / 1e9:.0f} GFLOP/s; one image: {operations / 1e6:.1f} MFLOP.")
    rows = [
        Row("REINFORCE, batch 128, float32: images/s", speed["128"], 9_000, "{:,.0f}"),
        Row("REINFORCE, batch 512, float32: images/s", speed["512"], 13_000, "{:,.0f}"),
        Row("batch 128: images/s / of a plain loop of torch", speed["128"] / speed["plain 128"], 1.4, "{:.2f}"),
        Row("batch 512: images/s / of a plain loop of torch", speed["512"] / speed["plain 512"], 1.2, "{:.2f}"),
        Row("fraction of the matrix-product rate, batch 512", matmul_fraction, 0.75, "{:.2f}"),
        Row(
            "batch 512: images/s with bfloat16 / float32",
            speed["bfloat16"] / speed["512"] if "bfloat16" in speed else None,
            1.3,
            "{:.2f}",
        ),
        # Where one thread has less, the default of one is no longer right.
        Row("batch 512: images/s with 1 thread / with 2", speed["512"] / speed["two threads"], 0.6, "{:.2f}"),
        Row("images/s of A2C / of REINFORCE", speed["A2C"] / speed["128"], 0.9, "{:.2f}"),
        Row("images/s of PPO x its epochs / of REINFORCE", speed["PPO"] * epochs / speed["128"], 0.75, "{:.2f}"),
    ]
    return Benchmark("Training", rows, notes)


def train(algorithm: Algorithm) -> Workload:
    """Returns a workload that trains for a number of iterations and counts images.

    `learn` takes as long to start as half an iteration, which does not matter over 50 iterations.
    """

    def workload(iterations: int = 50) -> int:
        images = iterations * algorithm.settings.num_envs
        algorithm.learn(images * algorithm.num_glimpses)
        return images

    return workload


def multiply_matrices(side: int = 1536) -> Workload:
    """Returns a workload that multiplies two float32 matrices and counts floating-point operations."""
    left, right = torch.rand(2, side, side)

    def workload() -> int:
        torch.mm(left, right)
        return 2 * side**3

    return workload
