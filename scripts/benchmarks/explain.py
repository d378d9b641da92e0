"""The benchmark of explaining."""

from __future__ import annotations

import gymnasium as gym

from agents import REINFORCE, Algorithm
from explain import (
    FitSettings,
    HiddenStateVAE,
    Recording,
    VAESettings,
    expected_information_gain,
    fit_vae,
    record,
)
from glimpse_env.retina import grid_locations
from scripts.benchmarks.env import available_ids
from scripts.benchmarks.tables import Benchmark, Row
from scripts.benchmarks.timing import Seconds, Workload, measure_peak_memory, measure_rates


def benchmark_explain(seconds: Seconds = 10.0) -> Benchmark:
    """Seconds and memory of explaining an agent, on 28x28 with 6 glimpses of 8x8.

    A part of each task is measured; the time of the whole is proportional. The agent and the VAE are not trained, which
    makes no difference to the time.

    Args:
        seconds: How long each task is measured.
    """
    plain, _, notes = available_ids()
    agent = REINFORCE(gym.make(plain, num_glimpses=6, glimpse_size=8, num_scales=1), seed=0)
    recording = record(agent, agent.make_vec_env(200, split="train"), 600)
    vae = HiddenStateVAE(recording.hidden.shape[-1], (1, 28, 28), VAESettings())

    compute_maps = mapper(agent, vae, recording[:2])
    added = measure_peak_memory(compute_maps)  # first, since the others leave memory behind that it could use
    speed = measure_rates({"record": recorder(agent, 250), "fit": fitter(recording), "map": compute_maps}, seconds)
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
        Row("memory of these maps (of 1/500, as one state follows the other): MB", added, 2_000, "{:.0f}", True),
    ]
    return Benchmark("Explanations", rows, notes)


def recorder(agent: Algorithm, count: int) -> Workload:
    """Records an agent on `count` images of the test split, in one batch; counts images."""
    envs = agent.make_vec_env(count, split="test")

    def play() -> int:
        return len(record(agent, envs, count))

    return play


def fitter(recording: Recording) -> Workload:
    """Fits a VAE for the default number of epochs, without early stopping; counts images."""
    how = FitSettings(patience=FitSettings().num_epochs)

    def play() -> int:
        fit_vae(recording.hidden, recording.originals, VAESettings(), how)
        return len(recording)

    return play


def mapper(agent: Algorithm, vae: HiddenStateVAE, recording: Recording) -> Workload:
    """Computes maps of expected information gain for every glimpse of a recording; counts images."""

    def play() -> int:
        expected_information_gain(
            agent,
            recording.hidden,
            recording.beliefs,
            vae.sample,
            grid_locations(13),
            retina=recording.retina,
            num_samples=16,
        )
        return len(recording)

    return play
