"""How explanations stand their tests, over seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scripts.study.evidence import EVIDENCE_FILE, collect_evidence_of_runs, evidence_table, write_evidence
from scripts.study.experiments import EXPERIMENTS, HARD, RESHAPED

EXPERIMENT = replace(
    EXPERIMENTS["digits"].select(["digits"], [HARD, RESHAPED, "HardAttLSTM"]),
    seeds=(0, 1),
    evidence=((HARD, RESHAPED),),
)


def metric(value: float, nulls: tuple[float, ...], better: str, unit: str = "") -> dict[str, Any]:
    of_nulls = {str(number): {"value": null} for number, null in enumerate(nulls)}
    return {"better": better, "unit": unit, "value": {"value": value}, "nulls": of_nulls}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of two seeds: the reshaped agent's insertion is 0.1 and 0.3 higher, and its loss 1 nat lower."""
    for run in EXPERIMENT.runs():
        reshaped, path = run.variant_name == RESHAPED, tmp_path / run.agent_name
        path.mkdir()
        insertion = 0.5 + (0.1 + 0.2 * run.seed) * reshaped
        metrics = {
            "insertion": metric(insertion, (0.25, 0.45), "higher"),
            "loss": metric(3.0 - reshaped, (5.0, 4.0), "lower", "nats"),
        }
        (path / EVIDENCE_FILE).write_text(json.dumps(metrics), encoding="utf-8")
    return tmp_path


def test_only_variants_that_are_tested_are_collected(folder: Path) -> None:
    evidence = collect_evidence_of_runs(EXPERIMENT.runs(), folder)
    assert set(evidence.variant) == {HARD, RESHAPED}
    assert len(evidence) == 2 * 2 * 2


def test_the_best_null_is_the_one_that_is_hardest_to_beat(folder: Path) -> None:
    evidence = collect_evidence_of_runs(EXPERIMENT.runs(), folder)
    assert set(evidence.best_null[evidence.metric == "insertion"]) == {0.45}
    assert set(evidence.best_null[evidence.metric == "loss"]) == {4.0}


def test_variants_are_compared_seed_by_seed(folder: Path) -> None:
    table = evidence_table(collect_evidence_of_runs(EXPERIMENT.runs(), folder), (HARD, RESHAPED))
    insertion, loss = (line.split("|") for line in table.splitlines()[2:])
    # The differences 0.1 and 0.3 have the mean 0.2, and t(0.975, 1) * 0.1414 / sqrt(2) = 12.706 * 0.1.
    assert [cell.strip() for cell in insertion[1:5]] == [
        "insertion",
        "0.500 ± 0.000 (0.45)",
        "0.700 ± 1.271 (0.45)",
        "0.200 ± 1.271",
    ]
    assert [cell.strip() for cell in loss[1:5]] == [
        "loss, nats",
        "3.000 ± 0.000 (4.00)",
        "2.000 ± 0.000 (4.00)",
        "1.000 ± 0.000",
    ]


def test_a_metric_that_no_seed_defines_is_called_undefined(folder: Path) -> None:
    evidence = collect_evidence_of_runs(EXPERIMENT.runs(), folder).assign(value=float("nan"))
    assert "undefined" in evidence_table(evidence, (HARD, RESHAPED))


def test_all_numbers_are_written_and_a_table_for_each_group(folder: Path) -> None:
    evidence = collect_evidence_of_runs(EXPERIMENT.runs(), folder)
    write_evidence(evidence, (*EXPERIMENT.evidence, ("Seeing", "SeeingReshaped")), folder)
    assert len(pd.read_csv(folder / "evidence.csv")) == len(evidence)
    written = (folder / "evidence.md").read_text(encoding="utf-8")
    assert f"digits, {HARD}:" in written
    assert "Seeing" not in written


def test_nothing_is_collected_of_runs_that_are_not_finished(tmp_path: Path) -> None:
    assert collect_evidence_of_runs(EXPERIMENT.runs(), tmp_path).empty
