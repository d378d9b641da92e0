"""Measures what the project promises of speed and memory, and prints a table of it beside the targets.

python scripts/benchmark.py env
python scripts/benchmark.py train
python scripts/benchmark.py explain
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # before scripts/, where `explain` is a script, not the package

import gymnasium as gym
import torch
from rich.console import Console
from rich.table import Table

from agents import A2C, PPO, REINFORCE, Algorithm
from agents.precision import has_bfloat16
from explain import (
    FitSettings,
    HiddenStateVAE,
    Recording,
    VAESettings,
    expected_information_gain,
    fit_vae,
    grid_locations,
    record,
)
from glimpse_env import DatasetError
from scripts.meters import Player, peak_added, rates

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: float | None
    """None where it cannot be measured."""
    target: float
    format: str
    """How a number of this kind is written, as in `"{:,.0f}"`."""
    at_most: bool = False
    """Whether the target is the most that is allowed, not the least."""

    def cells(self) -> tuple[str, str, str, str]:
        """What stands in the columns; a ratio of 1 or more meets the target."""
        target = ("at most " if self.at_most else "at least ") + self.format.format(self.target)
        if self.measured is None:
            return self.what, "not here", target, "-"
        ratio = self.target / max(self.measured, 1e-9) if self.at_most else self.measured / self.target
        return self.what, self.format.format(self.measured), target, f"{ratio:.2f}"


@dataclass(frozen=True)
class Benchmark:
    """What a subcommand found out."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a subcommand: a function that takes the options and returns a `Benchmark`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    subcommands = parser.add_subparsers(required=True, metavar="WHAT")
    add_env(subcommands)
    add_train(subcommands)
    add_explain(subcommands)
    options = parser.parse_args(arguments)
    show(options.run(options))


def show(benchmark: Benchmark) -> None:
    """Prints a benchmark as a table, with the notes below it."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}"
    table = Table(title=f"{benchmark.title} ({machine})", title_justify="left")
    table.add_column("what")
    for name in ("measured", "target", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in benchmark.rows:
        table.add_row(*row.cells())
    console = Console()
    console.print(table)
    console.print("A ratio of 1 or more meets the target.")
    for note in benchmark.notes:
        console.print(note)


def seconds(text: str) -> float:
    """Reads a number of seconds above 0, as an argument."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, got {text}")
    return value


def add_env(subcommands: Any) -> None:
    """Adds the subcommand `env`."""
    parser = subcommands.add_parser("env", help="steps a second and memory of the environments")
    parser.add_argument(
        "--seconds", type=seconds, default=3.0, help="how long to measure each environment (default: %(default)s)"
    )
    parser.set_defaults(run=benchmark_env)


def benchmark_env(options: argparse.Namespace) -> Benchmark:
    """Measures the environments. Actions are random and drawn beforehand: what an agent costs does not count."""
    plain, cluttered, notes = ids_at_hand()
    # The sizes are given, so that they are the same whatever the data set.
    small: dict[str, Any] = {"id": plain, "num_glimpses": 6, "glimpse_size": 8, "num_scales": 1}
    large: dict[str, Any] = {"id": cluttered, "num_glimpses": 8, "glimpse_size": 12, "num_scales": 3}
    large |= {"canvas_size": 60, "num_distractors": 4}

    added = memory_added(1024, **large)  # before the others leave memory behind that it could use
    rewards = ("hard", "entropy", "information", "anytime")
    single = rates({reward: single_player(**small, reward=reward) for reward in rewards}, options.seconds)
    vector = rates({reward: vector_player(256, **small, reward=reward) for reward in rewards}, options.seconds)
    growth = rates({count: vector_player(count, **small) for count in (256, 8192)}, options.seconds)
    clutter = rates({"clutter": vector_player(256, **large)}, options.seconds)

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
    megabytes = None if added is None else added / MEGABYTE
    rows.append(Row("memory of 1024 cluttered 60x60 copies: MB", megabytes, 100, "{:.0f}", True))
    return Benchmark("Environments", rows, notes)


def add_train(subcommands: Any) -> None:
    """Adds the subcommand `train`."""
    parser = subcommands.add_parser("train", help="images a second that agents are trained on")
    parser.add_argument(
        "--seconds", type=seconds, default=10.0, help="how long to measure each agent (default: %(default)s)"
    )
    parser.set_defaults(run=benchmark_train)


def benchmark_train(options: argparse.Namespace) -> Benchmark:
    """Measures training as a whole, environment and log included, on 28x28 with 6 glimpses of 8x8."""
    plain, _, notes = ids_at_hand()
    env = gym.make(plain, num_glimpses=6, glimpse_size=8, num_scales=1)
    small, large = (REINFORCE(env, seed=0, num_envs=num_envs) for num_envs in (128, 512))
    a2c, ppo = A2C(env, seed=0, num_envs=128), PPO(env, seed=0, num_envs=128)
    learners = {"128": small, "512": large, "A2C": a2c, "PPO": ppo}
    if has_bfloat16(large.device):
        learners["bfloat16"] = REINFORCE(env, seed=0, num_envs=512, precision="bfloat16")
    players: dict[str, Player] = {name: learner(agent) for name, agent in learners.items()}
    speed = rates(players | {"multiply": multiplier()}, options.seconds)

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


def add_explain(subcommands: Any) -> None:
    """Adds the subcommand `explain`."""
    parser = subcommands.add_parser("explain", help="seconds and memory of explaining an agent")
    parser.add_argument(
        "--seconds", type=seconds, default=10.0, help="how long to measure each part (default: %(default)s)"
    )
    parser.set_defaults(run=benchmark_explain)


def benchmark_explain(options: argparse.Namespace) -> Benchmark:
    """Measures explaining an agent, on 28x28 with 6 glimpses of 8x8; a part of each, which time is in proportion to.

    Neither the agent nor the VAE has learnt anything: that makes no difference to how long it takes.
    """
    plain, _, notes = ids_at_hand()
    agent = REINFORCE(gym.make(plain, num_glimpses=6, glimpse_size=8, num_scales=1), seed=0)
    recording = record(agent, agent.make_vec_env(200, split="train"), 600)
    vae = HiddenStateVAE(recording.hidden.shape[-1], (1, 28, 28), VAESettings())

    draw_maps = mapper(agent, vae, recording[:2])
    added = peak_added(draw_maps)  # before the others leave memory behind that it could use
    speed = rates({"record": recorder(agent, 250), "fit": fitter(recording), "map": draw_maps}, options.seconds)
    megabytes = None if added is None else added / MEGABYTE
    rows = [
        Row("recording 10,000 images (1/40 of it, times 40): s", 10_000 / speed["record"], 5, "{:.1f}", True),
        Row("fitting a VAE on 60,000 x 6 states (1/100, times 100): s", 60_000 / speed["fit"], 180, "{:.0f}", True),
        Row(
            "EIG maps of 1,000 images x 6, 13x13, 16 samples (1/500, times 500): s",
            1_000 / speed["map"],
            100,
            "{:.0f}",
            True,
        ),
        Row("memory of these maps (of 1/500, as one state follows the other): MB", megabytes, 2_000, "{:.0f}", True),
    ]
    return Benchmark("Explanations", rows, notes)


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


def learner(agent: Algorithm) -> Player:
    """Makes an agent learn for some rounds; counts images, not steps.

    So many rounds that beginning to learn, which takes as long as half a round, does not count.
    """

    def play(rounds: int = 50) -> int:
        images = rounds * agent.settings.num_envs
        agent.learn(images * agent.num_glimpses)
        return images

    return play


def recorder(agent: Algorithm, count: int) -> Player:
    """Records an agent on so many images of the test split, all in one batch; counts images."""
    envs = agent.make_vec_env(count, split="test")

    def play() -> int:
        return len(record(agent, envs, count))

    return play


def fitter(recording: Recording) -> Player:
    """Fits a VAE for as many epochs as there are by default; counts images."""
    how = FitSettings(patience=FitSettings().num_epochs)

    def play() -> int:
        fit_vae(recording, VAESettings(), how)
        return len(recording)

    return play


def mapper(agent: Algorithm, vae: HiddenStateVAE, recording: Recording) -> Player:
    """Computes maps of expected information gain for every glimpse of a recording; counts images."""

    def play() -> int:
        expected_information_gain(
            agent,
            recording.hidden,
            recording.beliefs,
            vae.sample,
            grid_locations(13),
            glimpse_size=recording.glimpse_size,
            num_scales=recording.num_scales,
            num_samples=16,
        )
        return len(recording)

    return play


def multiplier(side: int = 1536) -> Player:
    """Multiplies large float32 matrices; counts floating-point operations."""
    left, right = torch.rand(2, side, side)

    def play() -> int:
        torch.mm(left, right)
        return 2 * side**3

    return play


def memory_added(num_envs: int, **arguments: Any) -> int | None:
    """Measures by how many bytes the peak of memory in use grows when copies are made and played.

    What a single copy has brought in before, the data set and the libraries, does not count.

    Returns:
        Bytes, or None where the system does not tell (Linux does).
    """
    vector_player(1, **arguments)()
    return peak_added(lambda: vector_player(num_envs, **arguments)())


if __name__ == "__main__":
    main()
