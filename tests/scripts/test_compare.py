"""Experiments: what is missing is done, what failed is listed, and the table is what was measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from agents.environments import EnvironmentSpec
from scripts import compare
from scripts.study.experiments import EXPERIMENTS, HARD, RESHAPED, Experiment, Variant
from scripts.study.runner import ERROR
from scripts.study.tables import by_glimpse

TINY = Experiment(
    datasets={"digits": EnvironmentSpec("GlimpseDigits-v0", {"num_glimpses": 2})},
    variants={HARD: Variant(), "HardAttPartialVAE": Variant(partial=True), RESHAPED: Variant(reward="entropy")},
    num_images=256 * 2,
    num_train=50,
    num_epochs=1,
    seeds=(0, 1),
)
AGENTS = ["digits-reinforce-rnn-entropy-seed0", "digits-reinforce-rnn-hard-seed0"]


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, experiment: Experiment) -> None:
    monkeypatch.setitem(EXPERIMENTS, "digits", experiment)
    compare.main(["digits", "--folder", str(folder), "--jobs", "2"])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    with pytest.MonkeyPatch.context() as monkeypatch:
        run(folder, monkeypatch, TINY)
    return folder


def test_the_table_holds_the_means_over_seeds(done: Path) -> None:
    table = pd.read_csv(done / "table.csv")
    assert list(table.variant) == list(TINY.variants)
    assert (table.seeds == 2).all()
    shares = [
        json.loads((done / f"digits-reinforce-rnn-entropy-seed{seed}" / "measures.json").read_text())["accuracy"][-1]
        for seed in TINY.seeds
    ]
    mean, half = table["right, %"][2].split(" ± ")
    assert float(mean) == pytest.approx(100 * np.mean(shares), abs=0.051)
    # Student's t with one degree of freedom.
    assert float(half) == pytest.approx(100 * 12.706 * np.std(shares, ddof=1) / np.sqrt(2), abs=0.051)


def test_a_quantity_is_followed_glimpse_by_glimpse(done: Path) -> None:
    results = pd.read_csv(done / "results.csv")
    rows = results[results.variant == RESHAPED]
    written = by_glimpse(results, "accuracy").set_index("variant").loc[RESHAPED]
    for glimpse in (1, 2):
        mean = 100 * rows[rows.glimpse == glimpse].accuracy.mean()
        assert float(written[str(glimpse)].split(" ± ")[0]) == pytest.approx(mean, abs=0.051)
    assert f"| digits | {RESHAPED} | 2 | {written['1']} | {written['2']} |" in (done / "table.md").read_text("utf-8")
    alone = by_glimpse(rows[rows.seed == 0], "accuracy").iloc[0]
    assert float(alone["2"]) == pytest.approx(
        100 * rows[(rows.seed == 0) & (rows.glimpse == 2)].accuracy.item(), abs=0.051
    )


def test_every_number_and_the_figures_are_kept(done: Path) -> None:
    results = pd.read_csv(done / "results.csv")
    assert len(results) == 3 * 2 * 2
    assert set(results.glimpse) == {1, 2}
    for name in ("information", "reconstruction_error", "strips-digits-hardatt", "strips-digits-hardattpartialvae"):
        assert (done / f"{name}.png").stat().st_size > 1000
        assert (done / f"{name}.pdf").stat().st_size > 1000
    assert "| digits | HardAttReshaped | 2 |" in (done / "table.md").read_text(encoding="utf-8")


def test_variants_that_differ_only_in_the_vae_share_an_agent(done: Path) -> None:
    assert sorted(path.name for path in done.iterdir() if path.name.endswith("seed0")) == AGENTS
    results = pd.read_csv(done / "results.csv").set_index("variant")
    assert list(results.loc[HARD].accuracy) == list(results.loc["HardAttPartialVAE"].accuracy)
    assert list(results.loc[HARD].reconstruction_error) != list(results.loc["HardAttPartialVAE"].reconstruction_error)


def test_what_is_there_is_not_done_again_and_what_failed_is_listed(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*.zip")}
    broken = replace(TINY, variants={**TINY.variants, "Broken": Variant(core="clockwork")})
    with pytest.raises(SystemExit, match="1"):
        run(done, monkeypatch, broken)
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*.zip")} == before
    assert "ValueError" in (done / "digits-reinforce-clockwork-hard-seed1" / ERROR).read_text(encoding="utf-8")
    table = (done / "table.md").read_text(encoding="utf-8")
    assert "- digits-reinforce-clockwork-hard-seed0: ValueError: " in table
    assert "| digits | HardAtt | 2 |" in table


def test_a_killed_experiment_leaves_no_process_behind(tmp_path: Path) -> None:
    command = [sys.executable, compare.__file__, "digits", "--folder", str(tmp_path), "--jobs", "1"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def someone_is_there() -> bool:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    try:
        assert within(120, lambda: any(tmp_path.glob("*/agent.zip")))
        process.kill()
        process.wait()
        assert within(30, lambda: not someone_is_there())
    finally:
        if someone_is_there():
            os.killpg(process.pid, signal.SIGKILL)


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true in that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_only_a_part_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    half = compare.part(EXPERIMENTS["reference-study"], ["MNIST"], [HARD, RESHAPED])
    assert [(run.dataset, run.variant_name) for run in half.runs()] == 3 * [("MNIST", HARD), ("MNIST", RESHAPED)]
    with pytest.raises(SystemExit, match="1"):
        compare.main(["digits", "--variants", "HardAtt2"])
    assert "HardAtt2" in capsys.readouterr().err


def test_the_reference_study_has_its_seven_variants_on_both_data_sets() -> None:
    experiment = EXPERIMENTS["reference-study"]
    assert len(experiment.seeds) >= 3
    assert [spec.arguments.get("canvas_size") for spec in experiment.datasets.values()] == [None, 40]
    for environment in experiment.datasets.values():
        assert EnvironmentSpec(environment.env_id.replace("MNIST", "Digits"), environment.arguments).make()
    variants = list(experiment.variants.values())
    for expected in (
        Variant(),
        Variant(core="lstm"),
        Variant(reward="entropy"),
        Variant(algorithm="A2C"),
        Variant(algorithm="A2C", reward="entropy"),
        Variant(algorithm="A2C", core="lstm", reward="entropy"),
        Variant(partial=True),
        Variant(reward="information"),
        Variant(algorithm="PPO"),
    ):
        assert expected in variants
