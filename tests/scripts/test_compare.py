"""Experiments: what is missing is done, what failed is listed, and the tables hold what was measured."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from agents import RunFolder
from agents.environments import EnvironmentSpec
from scripts import compare
from scripts.study.experiments import EXPERIMENTS, HARD, RESHAPED, Experiment, Variant
from scripts.study.work import ERROR

TINY = Experiment(
    datasets={"digits": EnvironmentSpec("GlimpseDigits-v0", {"num_glimpses": 2})},
    variants={HARD: Variant(), "HardAttPartialVAE": Variant(partial=True), RESHAPED: Variant(reward="entropy")},
    num_images=256 * 2,
    num_train=50,
    num_epochs=1,
    seeds=(0, 1),
    num_eig=10,
    evidence=((HARD,),),
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


def test_the_table_has_a_row_per_variant(done: Path) -> None:
    table = pd.read_csv(done / "table.csv")
    assert list(table.variant) == list(TINY.variants)
    assert (table.seeds == 2).all()
    metrics = [
        json.loads((done / f"digits-reinforce-rnn-entropy-seed{seed}" / "metrics.json").read_text())["accuracy"][-1]
        for seed in TINY.seeds
    ]
    assert float(table["correct, %"][2].split(" ± ")[0]) == pytest.approx(100 * np.mean(metrics), abs=0.051)


def test_every_number_and_the_figures_are_kept(done: Path) -> None:
    results = pd.read_csv(done / "results.csv")
    assert len(results) == 3 * 2 * 2
    assert set(results.glimpse) == {1, 2}
    for name in (
        "information",
        "reconstruction_error",
        "reconstructions-digits-hardatt",
        "reconstructions-digits-hardattpartialvae",
    ):
        with Image.open(done / f"{name}.png") as image:
            low, high = image.convert("L").getextrema()
            assert high - low > 100
        assert (done / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert HARD in (done / "table.md").read_text(encoding="utf-8")


def test_the_suite_tests_the_explanations_of_the_variants_that_ask_for_it(done: Path) -> None:
    evidence = pd.read_csv(done / "evidence.csv")
    assert set(evidence.variant) == {HARD}
    assert set(evidence.seed) == {0, 1}
    assert {"insertion", "deletion"} <= set(evidence.metric)
    assert "insertion" in (done / "evidence.md").read_text(encoding="utf-8")


def test_variants_that_differ_only_in_the_vae_share_an_agent(done: Path) -> None:
    assert sorted(path.name for path in done.iterdir() if path.name.endswith("seed0")) == AGENTS
    results = pd.read_csv(done / "results.csv").set_index("variant")
    assert list(results.loc[HARD].accuracy) == list(results.loc["HardAttPartialVAE"].accuracy)
    assert list(results.loc[HARD].reconstruction_error) != list(results.loc["HardAttPartialVAE"].reconstruction_error)


def test_what_is_there_is_not_done_again_and_what_failed_is_listed(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*.zip")}
    broken = replace(TINY, variants={**TINY.variants, "Broken": Variant(core="clockwork")})
    with pytest.raises(SystemExit, match="error: 2 agents failed"):
        run(done, monkeypatch, broken)
    assert {path: path.stat().st_mtime_ns for path in done.rglob("*.zip")} == before
    assert "ValueError" in (done / "digits-reinforce-clockwork-hard-seed1" / ERROR).read_text(encoding="utf-8")
    table = (done / "table.md").read_text(encoding="utf-8")
    assert "- digits-reinforce-clockwork-hard-seed0: ValueError: " in table
    assert HARD in table


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


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs groups of processes")
def test_ctrl_c_reaches_all_processes_and_ends_with_one_line_and_checkpoints(tmp_path: Path) -> None:
    command = [sys.executable, compare.__file__, "digits", "--folder", str(tmp_path), "--jobs", "1"]
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert within(120, lambda: any(tmp_path.glob("*/agent.zip")))
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        output, error = process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 128 + signal.SIGINT
    assert error == "interrupted: the same command continues\n"
    assert "Traceback" not in output
    for path in tmp_path.glob("*/agent.zip"):
        assert RunFolder(path.parent).load_agent("cpu").num_timesteps >= 0
    assert not list(tmp_path.glob("*/error.txt"))


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true in that time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variants", "HardAtt2"], "error: Unknown variant 'HardAtt2'."),
        (["--jobs", "0"], "error: expected --jobs to be at least 1, got 0"),
    ],
)
def test_what_the_user_can_mend_is_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        compare.main(["digits", "--folder", str(tmp_path / "new"), *arguments])
    assert str(caught.value.code).startswith(message)
    assert not (tmp_path / "new").exists()


def test_without_ray_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    with pytest.raises(SystemExit, match="--cluster needs Ray: run `pip install"):
        compare.main(["digits", "--folder", str(tmp_path), "--cluster", "auto"])


def test_an_experiment_without_vaes_compares_accuracy_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variants = {"one": Variant("Branching", settings={"num_envs": 64}), "more": Variant(images=2.0)}
    run(tmp_path, monkeypatch, replace(TINY, variants=variants, num_train=0, seeds=(0,)))
    table = pd.read_csv(tmp_path / "table.csv")
    assert list(table) == ["data set", "variant", "seeds", "correct, %", "training, seconds"]
    assert list(table.variant) == ["one", "more"]
    results = pd.read_csv(tmp_path / "results.csv")
    assert (results.seconds > 0).all()
    assert not list(tmp_path.glob("*/vae*.zip"))
    assert "Label information" not in (tmp_path / "table.md").read_text()
