"""The benchmark of training."""

from __future__ import annotations

import gymnasium as gym
import torch

from agents import A2C, PPO, REINFORCE, Algorithm
from agents.algorithms.precision import has_bfloat16
from scripts.benchmarks.env import ids_at_hand
from scripts.benchmarks.tables import Benchmark, Row
from scripts.benchmarks.timing import Player, Seconds, rates


def benchmark_train(seconds: Seconds = 10.0) -> Benchmark:
    """Images a second that agents are trained on.

    Training is measured as a whole, environment and log included, on 28x28 with 6 glimpses of 8x8.

    Args:
        seconds: How long to measure each agent.
    """
    plain, _, notes = ids_at_hand()
    env = gym.make(plain, num_glimpses=6, glimpse_size=8, num_scales=1)
    small, large = (REINFORCE(env, seed=0, num_envs=num_envs) for num_envs in (128, 512))
    a2c, ppo = A2C(env, seed=0, num_envs=128), PPO(env, seed=0, num_envs=128)
    learners = {"128": small, "512": large, "A2C": a2c, "PPO": ppo}
    if has_bfloat16(large.device):
        learners["bfloat16"] = REINFORCE(env, seed=0, num_envs=512, precision="bfloat16")
    players: dict[str, Player] = {name: learner(agent) for name, agent in learners.items()}
    speed = rates(players | {"multiply": multiplier()}, seconds)

    # A weight of a linear layer is one multiplication and one addition; backward costs twice what forward does.
    weights = sum(weight.numel() for weight in large.policy.parameters() if weight.ndim == 2)
    operations = 3 * 2 * weights * large.num_glimpses
    share = speed["512"] * operations / speed["multiply"]
    epochs = ppo.settings.n_epochs
    notes.append(f"Matrices: {speed['multiply'] / 1e9:.0f} GFLOP/s; one image: {operations / 1e6:.1f} MFLOP.")
    rows = [
        Row("REINFORCE, batch 128, float32: images/s", speed["128"], 9_000, "{:,.0f}"),
        Row("REINFORCE, batch 512, float32: images/s", speed["512"], 13_000, "{:,.0f}"),
        Row("share of the matrix-multiply rate, batch 512", share, 0.65, "{:.2f}"),
        Row(
            "batch 512: images/s with bfloat16 / float32",
            speed["bfloat16"] / speed["512"] if "bfloat16" in speed else None,
            1.3,
            "{:.2f}",
        ),
        Row("images/s of A2C / of REINFORCE", speed["A2C"] / speed["128"], 0.9, "{:.2f}"),
        Row("images/s of PPO x its epochs / of REINFORCE", speed["PPO"] * epochs / speed["128"], 0.75, "{:.2f}"),
    ]
    return Benchmark("Training", rows, notes)


def learner(agent: Algorithm) -> Player:
    """Makes an agent learn for some rounds; counts images, not steps.

    So many rounds that beginning to learn, which takes as long as half a round, does not count.
    """

    def play(rounds: int = 50) -> int:
        images = rounds * agent.settings.num_envs
        agent.learn(images * agent.num_glimpses)
        return images

    return play


def multiplier(side: int = 1536) -> Player:
    """Multiplies large float32 matrices; counts floating-point operations."""
    left, right = torch.rand(2, side, side)

    def play() -> int:
        torch.mm(left, right)
        return 2 * side**3

    return play
