"""Carries out an experiment: trains what is missing, explains it, and writes one table and the figures.

python scripts/compare.py digits
python scripts/compare.py reference-study --jobs 2
python scripts/compare.py reference-study --datasets MNIST --variants HardAtt HardAttReshaped
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import torch
import tyro
from matplotlib.figure import Figure
from rich.console import Console

from explain import HiddenStateVAE, Recording
from explain.report.figures import draw_strips, save_figure
from glimpse_env import DatasetError
from glimpse_env.utils.errors import unknown_name_error
from scripts.study.experiments import ANYTIME, EVERY, EXPERIMENTS, HARD, INFORMATION, RESHAPED, Experiment, Run
from scripts.study.figures import draw_comparison, draw_errors
from scripts.study.metrics import STRIPS_FILE, measures_file, vae_file
from scripts.study.runner import carry_out
from scripts.study.tables import QUANTITIES, by_glimpse, estimate, markdown, summarise
from scripts.train import fail

FIGURE_VARIANTS = (HARD, RESHAPED, INFORMATION, EVERY, ANYTIME)
"""What the figures compare: three rewards; and an agent that is taught, or taught and paid, after every glimpse."""
BY_GLIMPSE = ("accuracy", "label_information", "information_gain", "confidently_wrong")
"""What the tables have after each glimpse."""
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
        fail(error)
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


def write(
    results: pd.DataFrame, experiment: Experiment, runs: Sequence[Run], failures: Mapping[str, str], folder: Path
) -> None:
    """Writes the tables and the figures into a folder."""
    results.to_csv(folder / RESULTS, index=False, float_format="%.6g")
    table = summarise(results)
    table.to_csv(folder / TABLE, index=False)
    lines = [
        "Means over seeds after the last glimpse, ± half of the 95 % interval (Student's t over seeds).",
        *markdown(table),
        *(
            line
            for quantity in BY_GLIMPSE
            for line in (f"After each glimpse: {QUANTITIES[quantity].name}.", *markdown(by_glimpse(results, quantity)))
        ),
        *(["Failed:", "", *(f"- {name}: {error}" for name, error in failures.items())] if failures else []),
    ]
    (folder / MARKDOWN).write_text("\n".join(lines) + "\n", encoding="utf-8")
    measured = {(row.dataset, row.variant) for row in results.itertuples()}
    estimates = {
        dataset: {
            variant: {quantity: estimate(results, dataset, variant, quantity) for quantity in QUANTITIES}
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
