"""What `scripts/compare.py` measures of each agent, as plain numbers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import agents
from explain import FitSettings, HiddenStateVAE, Recording, VAESettings, fit_vae, record
from explain.knowledge.curves import calibration_gaps, quantities
from explain.knowledge.information import expected_calibration_error
from explain.metrics import mean_image_error, reconstruction_error
from glimpse_env.dataset_rollout import world_of
from scripts.study.experiments import Run
from scripts.train import AGENT

CONFIDENT = 0.9
"""From what belief on a wrong answer is a confident one."""
NUM_ENVS = 500
STRIPS = 8
"""Images of the test split that are kept to be drawn."""


def measure(run: Run, folder: Path) -> None:
    """Explains the agent of a run, and writes what it measured beside it, last of all.

    Args:
        run: What to measure.
        folder: The agent's run folder.
    """
    agent = agents.load(folder / AGENT, device="cpu")
    splits = {split: agent.make_vec_env(NUM_ENVS, split=split) for split in ("train", "test")}
    num_train = min(run.experiment.num_train, len(world_of(splits["train"]).dataset.images))
    train, test = record(agent, splits["train"], num_train), record(agent, splits["test"])
    settings = VAESettings(target="canvas", partial=True) if run.variant.partial else VAESettings()
    vae = fit_vae(train, settings, FitSettings(num_epochs=run.experiment.num_epochs, seed=run.seed)).vae
    vae.save(folder / vae_file(run))
    test[:STRIPS].save(folder / STRIPS_FILE)
    numbers = measures(train, test, vae)
    path = folder / measures_file(run)
    temporary = path.with_suffix(".unfinished")
    temporary.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    os.replace(temporary, path)


STRIPS_FILE = "strips.zip"


def vae_file(run: Run) -> str:
    """Name of the file of its VAE."""
    return "vae-partial.zip" if run.variant.partial else "vae.zip"


def measures_file(run: Run) -> str:
    """Name of the file of its measures."""
    return "measures-partial.json" if run.variant.partial else "measures.json"


def measures(train: Recording, test: Recording, vae: HiddenStateVAE) -> dict[str, Any]:
    """Means over the test images after each glimpse, each a list of T numbers; but `mean_of_class` is one number.

    Args:
        train: What the VAE was fitted on.
        test: What is measured.
        vae: Of the agent's hidden states.
    """
    known = quantities(test)
    confident = test.beliefs.double().amax(-1) >= CONFIDENT
    values = known | {
        "confidently_wrong": confident.double() * (1 - known["accuracy"]),
        "reconstruction_error": reconstruction_error(vae, test),
    }
    return {
        **{name: value.mean(0).tolist() for name, value in values.items()},
        "calibration_error": expected_calibration_error(calibration_gaps(test).mean(0)).tolist(),
        "mean_of_class": mean_image_error(train, test, by_class=True).mean().item(),
    }
