"""The results of an experiment: collected from the folders of its runs, and written as tables and figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from explain import HiddenStateVAE, Recording
from explain.report.figures import draw_reconstructions, save_figure
from scripts.study.experiments import ANYTIME, EVERY, HARD, INFORMATION, RESHAPED, Run
from scripts.study.figures import Estimates, draw_information, draw_reconstruction_errors
from scripts.study.metrics import STRIPS_FILE, metrics_file, vae_file
from scripts.study.tables import QUANTITIES, estimate_over_seeds, last_glimpse_table, to_markdown

RESULTS, TABLE, MARKDOWN = "results.csv", "table.csv", "table.md"
FIGURE_VARIANTS = (HARD, RESHAPED, INFORMATION, EVERY, ANYTIME)
"""The variants in the figures: three rewards, and classifiers that are trained after every glimpse."""


def collect_results(runs: Sequence[Run], folder: Path) -> pd.DataFrame:
    """Reads the metrics of all runs that are finished.

    Args:
        runs: The runs.
        folder: Holds the run folder of each agent.

    Returns:
        A row for each data set, variant, seed and glimpse; empty if no run is finished.
    """
    frames = []
    for run in runs:
        path = folder / run.agent_name / metrics_file(run)
        if path.exists():
            frame = pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))
            keys = {"dataset": run.dataset, "variant": run.variant_name, "seed": run.seed}
            frames.append(frame.assign(**keys, glimpse=range(1, len(frame) + 1))[[*keys, "glimpse", *frame.columns]])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def write_results(results: pd.DataFrame, failures: Mapping[str, str], folder: Path) -> None:
    """Writes the results of each seed, the tables, and the figures that compare variants.

    Args:
        results: What `collect_results` returned, not empty.
        failures: The error of each agent that failed, by the name of its folder.
        folder: Where the files go.
    """
    results.to_csv(folder / RESULTS, index=False, float_format="%.6g")
    last_glimpse_table(results).to_csv(folder / TABLE, index=False)
    (folder / MARKDOWN).write_text(to_markdown(results, failures), encoding="utf-8")
    if estimates := estimate_all(results):
        save_figure(draw_information(estimates), folder / "information")
        save_figure(draw_reconstruction_errors(estimates), folder / "reconstruction_error")


def estimate_all(results: pd.DataFrame) -> Estimates:
    """Estimates every quantity for the variants in the figures; data sets without any of them are left out."""
    estimates: dict[str, dict[str, dict[str, Any]]] = {}
    for dataset in results.dataset.unique():
        measured = set(results.variant[results.dataset == dataset])
        for variant in FIGURE_VARIANTS:
            if variant in measured:
                measured_quantities = [name for name in QUANTITIES if name in results]
                quantities = {
                    name: estimate_over_seeds(results, dataset, variant, name) for name in measured_quantities
                }
                estimates.setdefault(dataset, {})[variant] = quantities
    return estimates


def draw_runs(runs: Sequence[Run], folder: Path) -> None:
    """Draws the reconstructions of a few test images for each run that is finished.

    Args:
        runs: The runs, of one seed.
        folder: Holds the run folder of each agent; the figures go there too.
    """
    for run in runs:
        run_folder = folder / run.agent_name
        if (run_folder / metrics_file(run)).exists() and (run_folder / STRIPS_FILE).exists():
            name = f"reconstructions-{run.dataset}-{run.variant_name}".lower().replace(" ", "-")
            save_figure(_draw_run(run, run_folder), folder / name)


def _draw_run(run: Run, folder: Path) -> Figure:
    recording, vae = Recording.load(folder / STRIPS_FILE), HiddenStateVAE.load(folder / vae_file(run))
    reconstructions = vae.reconstruct(recording.hidden)
    environment: Any = run.experiment.datasets[run.dataset].make().unwrapped
    class_names = environment.world.dataset.class_names
    return draw_reconstructions(recording, reconstructions, range(len(recording)), class_names)
