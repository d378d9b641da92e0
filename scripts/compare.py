"""Carries out an experiment: trains what is missing, explains it, and writes one table and the figures.

python scripts/compare.py digits
python scripts/compare.py reference-study --jobs 2
python scripts/compare.py reference-study --datasets MNIST --variants HardAtt HardAttReshaped
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

sys.path.insert(0, str(Path(__file__).parents[1]))  # before scripts/, where `explain` is a script, not the package

import pandas as pd
import torch
import tyro
from matplotlib.figure import Figure
from rich.console import Console

from explain import HiddenStateVAE, Recording
from explain.figures import draw_strips, save_figure
from explain.intervals import Estimate, over_seeds
from glimpse_env import DatasetError
from glimpse_env.names import unknown_name_error
from scripts.comparison_figures import draw_comparison, draw_errors
from scripts.experiments import EXPERIMENTS, HARD, INFORMATION, RESHAPED, Experiment, Run
from scripts.jobs import carry_out
from scripts.measures import STRIPS_FILE, measures_file, vae_file

FIGURE_VARIANTS = (HARD, RESHAPED, INFORMATION)
"""What the figures compare: the same agent under three rewards."""
RESULTS, TABLE, MARKDOWN = "results.csv", "table.csv", "table.md"


@dataclass(frozen=True)
class Arguments:
    """Carries out an experiment. Stop it at any time: the same command goes on with it, and does nothing twice.

    Writes results.csv (every number of every seed), table.csv and table.md (means over seeds after the last glimpse,
    with 95 % intervals by Student's t), and the figures.
    """

    experiment: tyro.conf.Positional[Literal["reference-study", "digits"]]
    """reference-study: MNIST and cluttered MNIST; digits: the same grid on scikit-learn's digits, offline."""
    folder: Path | None = None
    """Where everything is kept; by default a folder in runs/ that is named after the experiment."""
    jobs: int = os.cpu_count() or 1
    """How many agents are trained at once, each on one core."""
    datasets: tuple[str, ...] = ()
    """Only these data sets; by default all."""
    variants: tuple[str, ...] = ()
    """Only these variants; by default all."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and carries out the experiment; exits with 1 if anything failed."""
    options = tyro.cli(Arguments, args=arguments)
    try:
        if options.jobs < 1:
            raise ValueError(f"expected --jobs to be at least 1, got {options.jobs}")
        experiment = part(EXPERIMENTS[options.experiment], options.datasets, options.variants)
        folder = options.folder or Path("runs", options.experiment)
        folder.mkdir(parents=True, exist_ok=True)
        for environment in experiment.datasets.values():
            environment.make().close()  # so that data that is missing is one error, not one for each agent
    except (DatasetError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    runs = experiment.runs()
    failures = carry_out(runs, folder, options.jobs)
    results = collect(runs, folder)
    if not results.empty:
        write(results, experiment, runs, failures, folder)
    console = Console()
    if failures:
        console.print(f"{len(failures)} agents failed; the table lists them. The same command tries them again.")
        raise SystemExit(1)
    console.print(f"{folder / MARKDOWN} has the means over seeds, {folder / RESULTS} every number.")


def part(experiment: Experiment, datasets: Sequence[str], variants: Sequence[str]) -> Experiment:
    """Some of the data sets and variants of an experiment; of nothing, all.

    Raises:
        ValueError: There is no such data set or variant.
    """

    def chosen(kind: str, names: Sequence[str], among: Mapping[str, Any]) -> dict[str, Any]:
        for name in names:
            if name not in among:
                raise unknown_name_error(kind, name, among)
        return {name: value for name, value in among.items() if name in names or not names}

    return replace(
        experiment,
        datasets=chosen("data set", datasets, experiment.datasets),
        variants=chosen("variant", variants, experiment.variants),
    )


def collect(runs: Sequence[Run], folder: Path) -> pd.DataFrame:
    """Reads what was measured: a row for each data set, variant, seed and glimpse."""
    frames = []
    for run in runs:
        path = folder / run.agent_name / measures_file(run)
        if path.exists():
            numbers = json.loads(path.read_text(encoding="utf-8"))
            frame = pd.DataFrame(numbers)
            frame.insert(0, "glimpse", range(1, len(frame) + 1))
            for name in ("seed", "variant_name", "dataset"):
                frame.insert(0, name.removesuffix("_name"), getattr(run, name))
            frames.append(frame)
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def estimate(results: pd.DataFrame, dataset: str, variant: str, quantity: str) -> Estimate:
    """The mean over seeds of a quantity after each glimpse, `(T,)`."""
    rows = results[(results.dataset == dataset) & (results.variant == variant)]
    return over_seeds(torch.tensor(rows.pivot(index="seed", columns="glimpse", values=quantity).to_numpy()))


COLUMNS = {
    "accuracy": ("right, %", 100, 1),
    "information_gain": ("log C - H, nats", 1, 3),
    "label_information": ("label information, nats", 1, 3),
    "confidently_wrong": ("wrong at a belief of 0.9, %", 100, 2),
    "calibration_error": ("calibration error, %", 100, 2),
    "gain_since_first": ("H1 - H, nats", 1, 3),
    "reconstruction_error": ("squared error a pixel", 1, 4),
}
"""What the table has of each quantity: a name, a factor, and decimals."""


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """The table: a row for each data set and variant, with means over seeds after the last glimpse."""
    rows = []
    for (dataset, variant), group in results.groupby(["dataset", "variant"], sort=False):
        row: dict[str, Any] = {"data set": dataset, "variant": variant, "seeds": group.seed.nunique()}
        for quantity, (name, factor, decimals) in COLUMNS.items():
            one = estimate(results, str(dataset), str(variant), quantity)
            half = factor * (one.high[-1] - one.value[-1]).item()
            row[name] = f"{factor * one.value[-1].item():.{decimals}f} ± {half:.{decimals}f}"
        rows.append(row)
    return pd.DataFrame(rows)


def write(
    results: pd.DataFrame, experiment: Experiment, runs: Sequence[Run], failures: Mapping[str, str], folder: Path
) -> None:
    """Writes the tables and the figures into a folder."""
    results.to_csv(folder / RESULTS, index=False, float_format="%.6g")
    table = summarise(results)
    table.to_csv(folder / TABLE, index=False)
    lines = [
        "Means over seeds after the last glimpse, ± half of the 95 % interval (Student's t over seeds).",
        "",
        *(
            f"| {' | '.join(map(str, cells))} |"
            for cells in (table.columns, ["---"] * len(table.columns), *table.values)
        ),
        *(["", "Failed:", "", *(f"- {name}: {error}" for name, error in failures.items())] if failures else []),
    ]
    (folder / MARKDOWN).write_text("\n".join(lines) + "\n", encoding="utf-8")
    measured = {(row.dataset, row.variant) for row in results.itertuples()}
    estimates = {
        dataset: {
            variant: {quantity: estimate(results, dataset, variant, quantity) for quantity in COLUMNS}
            for variant in FIGURE_VARIANTS
            if (dataset, variant) in measured
        }
        for dataset in experiment.datasets
    }
    shown = {dataset: variants for dataset, variants in estimates.items() if variants}
    if shown:
        save_figure(draw_comparison(shown), folder / "information")
        save_figure(draw_errors(shown), folder / "reconstruction_error")
    for run in runs:
        if run.seed == experiment.seeds[0] and (run.dataset, run.variant_name) in measured:
            name = f"strips-{run.dataset}-{run.variant_name}".lower().replace(" ", "-")
            save_figure(draw_run(run, folder / run.agent_name), folder / name)


def draw_run(run: Run, folder: Path) -> Figure:
    """Draws what the agent of a run imagines of a few test images."""
    recording, vae = Recording.load(folder / STRIPS_FILE), HiddenStateVAE.load(folder / vae_file(run))
    imagined = vae.reconstruct(torch.from_numpy(recording.hidden))
    environment: Any = run.experiment.datasets[run.dataset].make().unwrapped
    return draw_strips(recording, imagined, range(len(recording)), environment.world.dataset.class_names)


if __name__ == "__main__":
    main()
