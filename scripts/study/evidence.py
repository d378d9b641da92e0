"""How the explanations of a study's agents stand their tests: the suite of `explain.evidence`, over seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from gymnasium.vector import VectorEnv

from agents import Algorithm
from explain.explanation import ExplanationSettings, explain_looking, fit_canvas_vae
from explain.knowledge.intervals import over_seeds
from explain.measurement import Measurement
from explain.reconstruction.fitting import FitSettings
from glimpse_env.dataset_rollout import world_of
from glimpse_env.utils.atomic import write_json
from scripts.study.experiments import Run

EVIDENCE_FILE = "evidence.json"
"""The suite's metrics of one agent, in its run folder."""
EVIDENCE_TABLE, EVIDENCE_MARKDOWN = "evidence.csv", "evidence.md"
CAPTION = """\
How the explanations stand their tests: means over seeds, ± half of the 95 % interval
(Student's t over seeds), and in brackets the mean of the best null. "Easier by" is by how much a metric is better than
that of the first variant, seed by seed: more than 0 says that the agent is easier to explain."""


def measure_evidence(
    run: Run, agent: Algorithm, measured: Measurement, test_env: VectorEnv[Any, Any, Any], folder: Path
) -> None:
    """Computes the suite for the agent of a run, and writes it into its folder.

    Args:
        run: Its seed determines what is imagined.
        agent: Its agent.
        measured: What the agent did on both splits, and the VAE of originals.
        test_env: The environment of the test split.
        folder: The agent's run folder.
    """
    settings = ExplanationSettings(num_eig=run.experiment.num_eig, seed=run.seed)
    fit_settings = FitSettings(num_epochs=run.experiment.num_epochs, seed=run.seed, conditional=True)
    imagining_vae = fit_canvas_vae(measured.train, fit_settings)
    recording = measured.test[: settings.num_eig]
    _, evidence = explain_looking(agent, measured.train, recording, imagining_vae, world_of(test_env), settings)
    write_json(folder / EVIDENCE_FILE, evidence.to_json())


def collect_evidence_of_runs(runs: Sequence[Run], folder: Path) -> pd.DataFrame:
    """Reads the suite's metrics of all runs that have some.

    Args:
        runs: The runs.
        folder: Holds the run folder of each agent.

    Returns:
        A row for each data set, variant, seed and metric, with its value, whether a higher one is better, and the best
        value among its nulls; empty if there are none.
    """
    rows = []
    for run in runs:
        path = folder / run.agent_name / EVIDENCE_FILE
        if not (run.is_tested and path.exists()):
            continue
        for name, metric in json.loads(path.read_text(encoding="utf-8")).items():
            best = max if metric["better"] == "higher" else min
            rows.append(
                {
                    "dataset": run.dataset,
                    "variant": run.variant_name,
                    "seed": run.seed,
                    "metric": name,
                    "unit": metric["unit"],
                    "better": metric["better"],
                    "value": metric["value"]["value"],
                    "best_null": best(null["value"] for null in metric["nulls"].values()),
                }
            )
    return pd.DataFrame(rows)


def write_evidence(evidence: pd.DataFrame, groups: Sequence[Sequence[str]], folder: Path) -> None:
    """Writes every metric of every seed, and the tables.

    Args:
        evidence: What `collect_evidence_of_runs` returned, not empty.
        groups: Variants that are compared with the first of their group.
        folder: Where the files go.
    """
    evidence.to_csv(folder / EVIDENCE_TABLE, index=False, float_format="%.6g")
    tables = [
        f"{dataset}, {group[0]}:\n\n{evidence_table(evidence[evidence.dataset == dataset], group)}"
        for dataset in evidence.dataset.unique()
        for group in groups
        if group[0] in set(evidence.variant[evidence.dataset == dataset])
    ]
    (folder / EVIDENCE_MARKDOWN).write_text("\n\n".join([CAPTION, *tables]) + "\n", encoding="utf-8")


def evidence_table(evidence: pd.DataFrame, variants: Sequence[str]) -> str:
    """Writes the table of some variants on one data set, with a row for each metric.

    Args:
        evidence: What `collect_evidence_of_runs` returned of that data set.
        variants: The first one, which has some evidence, and others that are compared with it; those without evidence
            are left out.
    """
    first, *others = (variant for variant in variants if variant in set(evidence.variant))
    rows = []
    for metric, group in evidence[evidence.variant.isin([first, *others])].groupby("metric", sort=False):
        values = group.pivot(index="seed", columns="variant", values="value")
        nulls = group.groupby("variant").best_null.mean()
        sign = 1 if group.better.iloc[0] == "higher" else -1
        unit = group.unit.iloc[0]
        rows.append(
            {"metric": f"{metric}, {unit}" if unit else metric}
            | {variant: f"{_write(values[variant])} ({nulls[variant]:.2f})" for variant in (first, *others)}
            | {f"{variant} easier by": _write(sign * (values[variant] - values[first])) for variant in others}
        )
    return str(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


def _write(values: Any) -> str:
    """Writes the mean of the numbers of some seeds, and half of its interval unless there is only one."""
    defined = values.dropna()
    if defined.empty:
        return "undefined"
    estimate = over_seeds(torch.tensor(defined.to_numpy()))
    value, half = estimate.value.item(), (estimate.high - estimate.value).item()
    return f"{value:.3f} ± {half:.3f}" if math.isfinite(half) else f"{value:.3f}"
