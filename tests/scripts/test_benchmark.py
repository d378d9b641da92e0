"""The command line of the benchmarks. Which numbers they print depends on the machine, and is not tested."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from scripts.benchmark import main

ROOT = Path(__file__).parents[2]
ENV_ROWS = [
    "single, 28x28, 8x8: steps/s",
    "256 sub-environments, 28x28, 8x8: steps/s",
    "256 sub-environments, cluttered 60x60, 12x12, 3 scales: steps/s",
    "single: time with reward entropy / hard",
    "single: time with reward information / hard",
    "single: time with reward anytime / hard",
    "256 sub-environments: time with reward entropy / hard",
    "256 sub-environments: time with reward information / hard",
    "256 sub-environments: time with reward anytime / hard",
    "steps/s of 8192 sub-environments / of 256",
    "importing glimpse_env, on top of torch and gymnasium: s",
    "memory of 1024 sub-environments, cluttered 60x60: MB",
]
PAGE_ROWS = [
    f"{task}: ms, {which}"
    for task in (
        "from a stroke to the beliefs after 6 glimpses, under node",
        "a map of 13x13 locations with 16 samples, under node",
        "from a stroke to a new frame of the page, in Chromium",
    )
    for which in ("median", "90th percentile")
]
EXPLAIN_ROWS = [
    "recording 10,000 images (1/40 of it, times 40): s",
    "fitting a VAE on 60,000 x 6 states (1/100, times 100): s",
    "EIG maps of 1,000 images x 6, 13x13, 16 samples (1/500, times 500): s",
    "memory of these maps (of 1/500, as one state follows the other): MB",
]


def check_table(output: str, rows: list[str]) -> None:
    lines = [[cell.strip() for cell in line.strip("│┃").split("│")] for line in output.splitlines() if "│" in line]
    assert [line[0] for line in lines] == rows
    for _, measured, target, ratio in lines:
        assert target.split()[:2] in (["at", "least"], ["at", "most"])
        assert (measured, ratio) == ("not available", "-") or (
            float(measured.replace(",", "")) >= 0 and float(ratio) > 0
        )
    for name in ("metric", "measured", "target", "ratio"):
        assert name in output


def test_env_prints_its_table(
    mnist_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    main(["env", "--seconds", "0.02"])
    output = capsys.readouterr().out
    check_table(output, ENV_ROWS)
    assert "Digits" not in output


def test_explain_prints_its_table(
    mnist_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    main(["explain", "--seconds", "0.02"])
    output = capsys.readouterr().out
    check_table(output, EXPLAIN_ROWS)
    assert "Digits" not in output


@pytest.mark.parametrize(("subcommand", "rows"), [("env", ENV_ROWS), ("explain", EXPLAIN_ROWS), ("page", PAGE_ROWS)])
def test_digits_replace_mnist_where_it_is_missing(
    subcommand: str,
    rows: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def unreachable(*args: object, **kwargs: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    monkeypatch.setenv("GLIMPSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    main([subcommand, "--seconds", "0.02"])
    output = capsys.readouterr().out
    check_table(output, rows)
    assert "Measured on GlimpseDigits-v0 and GlimpseClutteredDigits-v0" in output


def test_it_runs_as_a_script() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "benchmark.py"), "--help"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "env" in ran.stdout


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["env", "--seconds", "0"], ["env", "--seconds", "nan"]])
def test_refuses_arguments_that_make_no_sense(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_refused_time_is_named(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["env", f"--seconds={seconds}"])
    assert caught.value.code == 2
    assert f"expected a number of seconds above 0, got {seconds}" in capsys.readouterr().err
