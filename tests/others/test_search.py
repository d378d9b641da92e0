"""The search for settings: it goes on where it was, ends what does badly, and says what did best."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import agents
from agents.command_line import train
from scripts import search

optuna = pytest.importorskip("optuna", reason="needs Optuna: run `make others`")


def run(folder: Path, *arguments: str) -> None:
    search.main(["digits", "--folder", str(folder), "--images", "600", *arguments])


def trials_of(folder: Path) -> list[optuna.trial.FrozenTrial]:
    study = optuna.load_study(study_name="digits, 600 images", storage=f"sqlite:///{folder / search.DATABASE}")
    return study.trials


def test_a_search_goes_on_until_there_are_enough_trials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "--trials", "2")
    first = [trial.params for trial in trials_of(tmp_path)]
    assert len(first) == 2
    run(tmp_path, "--trials", "4")
    trials = trials_of(tmp_path)
    assert [trial.params for trial in trials[:2]] == first
    assert len(trials) == 4
    assert all(one.params != other.params for one in trials[:2] for other in trials[2:]), "nothing is drawn twice"
    assert len((tmp_path / search.TABLE).read_text(encoding="utf-8").splitlines()) == 5
    run(tmp_path, "--trials", "3")
    assert len(trials_of(tmp_path)) == 4, "there are enough"
    best = max(trial.value for trial in trials if trial.value is not None)
    assert f"Best of 3 trials: {best:.1%} correct" in capsys.readouterr().out


def test_the_best_settings_are_a_command_that_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path / "search", "--trials", "1")
    command = capsys.readouterr().out.splitlines()[-1]
    words = shlex.split(command)
    assert words[:2] == ["python", "scripts/train.py"]
    train.main([*words[2:], "--images", "256", "--run-folder", str(tmp_path / "run")])
    agent = agents.load(tmp_path / "run" / "agent.zip", device="cpu")
    (trial,) = trials_of(tmp_path / "search")
    assert type(agent).__name__ == trial.params["algorithm"]
    assert agent.settings.num_envs == trial.params["num_envs"]
    assert agent.settings.learning_rate.start == pytest.approx(trial.params["learning_rate"], rel=0.01)


def test_what_does_worse_than_most_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda **_: optuna.pruners.ThresholdPruner(lower=1.1))
    with pytest.raises(SystemExit, match="expected at least one trial that was completed, got none among 2"):
        run(tmp_path, "--trials", "2")
    trials = trials_of(tmp_path)
    assert [trial.state for trial in trials] == [optuna.trial.TrialState.PRUNED] * 2
    assert all(len(trial.intermediate_values) == 1 for trial in trials), "it was ended at its first report"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trials", "0"], "expected --trials to be at least 1, got 0"),
        (["--images", "-5"], "expected --images to be at least 1, got -5"),
    ],
)
def test_bad_numbers_are_one_line(arguments: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=message):
        run(tmp_path / "search", *arguments)
    assert not (tmp_path / "search").exists()


def test_an_unknown_preset_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="Did you mean 'digits'"):
        search.main(["digts", "--folder", str(tmp_path / "search")])
