"""The metrics of each agent of a study, as plain numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import agents
from agents import RunFolder
from explain import FitSettings, VAESettings
from explain.knowledge.curves import calibration_gaps, quantities
from explain.knowledge.information import expected_calibration_error
from explain.measurement import Measurement, measure
from explain.reconstruction.errors import mean_image_error
from glimpse_env.utils.atomic import write_json
from scripts.study.evidence import measure_evidence
from scripts.study.experiments import Run

CONFIDENT = 0.9
"""The belief from which an answer counts as a confident one."""
NUM_ENVS = 500
STRIPS = 8
"""Images of the test split whose recording is kept, to draw strips."""
STRIPS_FILE = "strips.zip"


def vae_file(run: Run) -> str:
    """Name of the file with the VAE of a run."""
    return "vae-partial.zip" if run.variant.partial else "vae.zip"


def metrics_file(run: Run) -> str:
    """Name of the file with the metrics of a run."""
    return "metrics-partial.json" if run.variant.partial else "metrics.json"


def measure_run(run: Run, folder: Path) -> None:
    """Measures the agent of a run, and writes the VAE, a recording, and last of all the metrics into its folder.

    Where the experiment fits no VAE, the metrics are the accuracy and the time of the training.

    Args:
        run: What to measure.
        folder: The agent's run folder.
    """
    agent = RunFolder(folder).load_agent("cpu")
    if run.experiment.num_train == 0:
        steps_per_second = RunFolder(folder).read_log()["time/fps"][-1]
        seconds = agent.num_timesteps / steps_per_second
        accuracy = agents.evaluate(agent).accuracy.tolist()
        write_json(folder / metrics_file(run), {"accuracy": accuracy, "seconds": [seconds] * len(accuracy)})
        return
    train_env, test_env = (agent.make_vec_env(NUM_ENVS, split=split) for split in ("train", "test"))
    settings = VAESettings(target="canvas", partial=True) if run.variant.partial else VAESettings()
    fit_settings = FitSettings(num_epochs=run.experiment.num_epochs, seed=run.seed)
    measured = measure(agent, train_env, test_env, settings, fit_settings, num_train=run.experiment.num_train)
    measured.vae.save(folder / vae_file(run))
    measured.test[:STRIPS].save(folder / STRIPS_FILE)
    if run.is_tested:
        measure_evidence(run, agent, measured, test_env, folder)
    write_json(folder / metrics_file(run), metrics_of(measured))


def metrics_of(measured: Measurement) -> dict[str, Any]:
    """Means over the test images after each glimpse, each a list of T numbers; `mean_of_class` is a single number."""
    test = measured.test
    values = quantities(test)
    is_confident = test.beliefs.double().amax(-1) >= CONFIDENT
    values |= {
        "confidently_wrong": is_confident.double() * (1 - values["accuracy"]),
        "reconstruction_error": measured.reconstruction_error,
    }
    return {
        **{name: value.mean(0).tolist() for name, value in values.items()},
        "calibration_error": expected_calibration_error(calibration_gaps(test).mean(0)).tolist(),
        "mean_of_class": mean_image_error(measured.train, test, by_class=True).mean().item(),
    }
