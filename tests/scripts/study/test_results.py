"""Results of an experiment: read from the folders of finished runs, written as tables and figures."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from scripts.study.experiments import EXPERIMENTS, HARD, RESHAPED
from scripts.study.metrics import metrics_file
from scripts.study.results import collect_results, estimate_all, write_results


def test_results_are_those_of_finished_runs(tmp_path: Path) -> None:
    runs = EXPERIMENTS["digits"].select(["digits"], [HARD, "HardAttPartialVAE"]).runs()
    for number, run in enumerate(runs[:3]):
        folder = tmp_path / run.agent_name
        folder.mkdir(exist_ok=True)
        metrics = {"accuracy": [0.1 * number, 0.5], "mean_of_class": 0.05}
        (folder / metrics_file(run)).write_text(json.dumps(metrics), encoding="utf-8")
    results = collect_results(runs, tmp_path)
    assert list(results.columns) == ["dataset", "variant", "seed", "glimpse", "accuracy", "mean_of_class"]
    assert results.to_numpy().tolist() == [
        ["digits", HARD, 0, 1, 0.0, 0.05],
        ["digits", HARD, 0, 2, 0.5, 0.05],
        ["digits", "HardAttPartialVAE", 0, 1, 0.1, 0.05],
        ["digits", "HardAttPartialVAE", 0, 2, 0.5, 0.05],
        ["digits", HARD, 1, 1, 0.2, 0.05],
        ["digits", HARD, 1, 2, 0.5, 0.05],
    ]
    assert collect_results(runs, tmp_path / "elsewhere").empty


def test_every_number_is_kept(results: pd.DataFrame, tmp_path: Path) -> None:
    write_results(results, {"digits-ppo": "ValueError: no"}, tmp_path)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "results.csv"), results, rtol=1e-5)
    table = pd.read_csv(tmp_path / "table.csv")
    assert len(table) == 6
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert table["correct, %"][0] in page
    assert "- digits-ppo: ValueError: no" in page
    for name in ("information", "reconstruction_error"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_only_some_variants_are_drawn(results: pd.DataFrame, tmp_path: Path) -> None:
    estimates = estimate_all(results)
    assert list(estimates) == ["MNIST", "cluttered 40x40"]
    assert all(list(variants) == [HARD, RESHAPED] for variants in estimates.values())
    write_results(results[results.variant == "HardAttLSTM"], {}, tmp_path)
    assert not list(tmp_path.glob("*.png"))
    assert (tmp_path / "table.md").exists()


@pytest.mark.parametrize("quantity", ["accuracy", "reconstruction_error"])
def test_estimates_are_of_the_data_set_they_are_named_after(results: pd.DataFrame, quantity: str) -> None:
    for dataset, variants in estimate_all(results).items():
        rows = results[(results.dataset == dataset) & (results.variant == RESHAPED) & (results.glimpse == 3)]
        assert variants[RESHAPED][quantity].value[-1].item() == pytest.approx(rows[quantity].mean())
