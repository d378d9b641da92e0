"""The programs that train, measure and explain: the same in the clone, as scripts, and installed, as modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAIN = ("--algorithm", "--core", "--reward", "--seed", "--images", "--run-folder", "--resume")
EVALUATE = ("run folder", "--compare")
EXPLAIN = ("run folder", "--folder", "--num-train", "--num-eig", "--policy-images", "--seed")
PROGRAMS = {
    "scripts/train.py": TRAIN,
    "scripts/evaluate.py": EVALUATE,
    "scripts/explain_agent.py": EXPLAIN,
    "-m agents": ("train", "evaluate"),
    "-m agents train": TRAIN,
    "-m agents evaluate": EVALUATE,
    "-m explain": EXPLAIN,
}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "200"}
    command = [sys.executable, *program.split(), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_calls_the_program_by_its_name_and_lists_its_options(program: str) -> None:
    shown = run(program, "--help")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"usage: {'python ' if '-m' in program else ''}{program} ")
    for word in PROGRAMS[program]:
        assert word in shown.stdout


@pytest.mark.parametrize("program", ["-m agents evaluate", "-m explain"])
def test_an_error_is_one_line_and_exit_status_1(program: str) -> None:
    ran = run(program, "nowhere.zip")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: expected a run folder or the file of a saved agent, got nowhere.zip")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("package", ["agents", "explain"])
def test_without_the_extra_one_line_says_what_to_install(package: str) -> None:
    code = f"""
import runpy, sys
sys.modules["tyro"] = None  # as if it were not installed
runpy.run_module({package!r}, run_name="__main__", alter_sys=True)
"""
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 1
    assert ran.stderr == 'error: the command line needs tyro: run `pip install "glimpse-env[train]"`\n'
