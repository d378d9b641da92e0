"""Runs an experiment: trains the agents that are missing, explains them, and writes tables and figures.

python scripts/compare.py digits
python scripts/compare.py reference-study --jobs 2
python scripts/compare.py ablation --datasets "cluttered 40x40"
python scripts/compare.py reference-study --cluster auto
python scripts/compare.py reference-study --datasets MNIST --variants HardAtt HardAttReshaped
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

import tyro

from agents.command_line.paths import PathArgument
from glimpse_env import DatasetError
from glimpse_env.utils.folder_lock import FolderLock
from glimpse_env.utils.interruption import Interrupted
from glimpse_env.utils.program import one_line_errors
from scripts.study.evidence import collect_evidence_of_runs, write_evidence
from scripts.study.experiments import EXPERIMENTS, Experiment
from scripts.study.results import MARKDOWN, RESULTS, collect_results, draw_runs, write_results
from scripts.study.runner import carry_out


@dataclass(frozen=True)
class Arguments:
    """Runs an experiment. It can be stopped at any time: the same command continues it and repeats nothing.

    Writes results.csv (every number of every seed), table.csv and table.md (means over seeds after the last glimpse,
    with 95 % intervals by Student's t), and the figures; where explanations are tested, evidence.csv and
    evidence.md.
    """

    experiment: tyro.conf.Positional[Literal["reference-study", "digits", "ablation"]]
    """reference-study: MNIST and cluttered MNIST; digits: the same grid on scikit-learn's digits, offline; ablation:
    branching in clutter, and one change at a time."""
    folder: PathArgument | None = None
    """Folder of the agents and the results; by default a folder in runs/ that is named after the experiment."""
    jobs: int = os.cpu_count() or 1
    """Number of agents that are trained at once on this machine, each on one core."""
    cluster: str | None = None
    """Address (host:port) of a Ray cluster that trains and measures the agents instead, one on each core; auto for the
    cluster that this machine belongs to. Needs Ray: pip install "glimpse-env[cluster]"."""
    datasets: tuple[str, ...] = ()
    """Only these data sets; by default all."""
    variants: tuple[str, ...] = ()
    """Only these variants; by default all."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and runs the experiment; exits with 1 if anything failed."""
    options = tyro.cli(Arguments, args=arguments)
    with one_line_errors(DatasetError, OSError, ValueError):
        if options.jobs < 1:
            raise ValueError(f"expected --jobs to be at least 1, got {options.jobs}")
        experiment = EXPERIMENTS[options.experiment].select(options.datasets, options.variants)
        folder = options.folder or Path("runs", options.experiment)
        for environment in experiment.datasets.values():
            environment.make().close()  # missing data is one error here, and not one for each agent
        with FolderLock(folder):
            compare(experiment, folder, options.jobs, options.cluster)


def compare(experiment: Experiment, folder: Path, num_processes: int, cluster: str | None) -> None:
    """Carries out the runs of an experiment, and writes its results into a folder, also if some runs failed.

    Args:
        experiment: The experiment.
        folder: The folder.
        num_processes: Number of processes on this machine.
        cluster: Address of a Ray cluster that carries out the runs instead.

    Raises:
        Interrupted: A signal came. What was done is kept.
        SystemExit: Some runs failed.
    """
    runs = experiment.runs()
    try:
        if cluster is None:
            failures = carry_out(runs, folder, num_processes)
        else:
            failures = _import_cluster().carry_out_on_cluster(runs, folder, cluster)
    except Interrupted as error:
        raise Interrupted(error.signal, "interrupted: the same command continues") from None
    results = collect_results(runs, folder)
    if not results.empty:
        write_results(results, failures, folder)
        if not (evidence := collect_evidence_of_runs(runs, folder)).empty:
            write_evidence(evidence, experiment.evidence, folder)
        draw_runs([run for run in runs if run.seed == experiment.seeds[0]], folder)
    if failures:
        sys.exit(f"error: {len(failures)} agents failed; the same command tries them again")
    print(f"{folder / MARKDOWN} has the means over seeds, {folder / RESULTS} every number.")


def _import_cluster() -> ModuleType:
    try:
        from scripts.study import cluster
    except ModuleNotFoundError as error:
        raise ValueError('--cluster needs Ray: run `pip install "glimpse-env[cluster]"`') from error
    return cluster


if __name__ == "__main__":
    main()
