"""Run folders: which files are where, and what is read from the arguments."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from agents import PPO, RunFolder
from agents.learning_curve import MIN_ERROR, draw_learning_curve


def test_a_folder_and_the_file_of_an_agent_in_it_are_the_same_run(tmp_path: Path) -> None:
    run = RunFolder.of(tmp_path)
    for name in ("agent.zip", "other.zip"):
        (tmp_path / name).touch()
    assert run == RunFolder(tmp_path) == RunFolder.of(tmp_path / "agent.zip")
    for path in (str(tmp_path / "other.zip"), tmp_path / "other"):
        assert RunFolder.of(path) == RunFolder(tmp_path, "other.zip")
    assert RunFolder.of(tmp_path / "other.zip").evaluation == run.evaluation


@pytest.mark.parametrize("name", ["nowhere", "nowhere.zip", "nowhere/agent.zip"])
def test_what_is_not_there_is_named_as_it_was_asked_for(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        RunFolder.of(tmp_path / name)
    assert (
        str(caught.value)
        == f"expected a run folder or the file of a saved agent, got {tmp_path / name}: there is neither"
    )


def test_every_file_is_in_the_folder_under_a_name_of_its_own(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    paths = [run.agent, run.arguments, run.log, run.learning_curve, run.evaluation, run.glimpse_paths, run.explanation]
    assert {path.parent for path in paths} == {tmp_path}
    assert len(set(paths)) == len(paths)


def test_loads_the_agent_whatever_its_file_is_called(tmp_path: Path) -> None:
    sizes = {"hidden_size": 16, "what_size": 8, "where_size": 8}
    PPO("glimpse_env:GlimpseDigits-v0", policy_kwargs=sizes, num_envs=4, seed=5).save(tmp_path / "mine.zip")
    agent = RunFolder.of(tmp_path / "mine.zip").load_agent("cpu")
    assert (type(agent), agent.spec.seed, agent.device.type) == (PPO, 5, "cpu")
    with pytest.raises(FileNotFoundError, match=r"agent\.zip"):
        RunFolder(tmp_path).load_agent()


def test_reads_the_arguments(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(FileNotFoundError):
        run.read_arguments()
    run.arguments.write_text(json.dumps({"env": "digits", "seed": 3}), encoding="utf-8")
    assert run.read_arguments() == {"env": "digits", "seed": 3}


def test_the_learning_curve_shows_error_and_return_over_images() -> None:
    log = {
        "time/total_timesteps": np.array([60.0, 120.0, 180.0]),
        "rollout/ep_len_mean": np.array([6.0, 6.0, 6.0]),
        "rollout/success_rate": np.array([0.25, 0.75, 1.0]),
        "rollout/ep_rew_mean": np.array([0.5, 1.5, 2.0]),
    }
    error_axes, return_axes = draw_learning_curve(log).axes
    for axes, expected in ((error_axes, [0.75, 0.25, MIN_ERROR]), (return_axes, [0.5, 1.5, 2.0])):
        (line,) = axes.lines
        np.testing.assert_array_equal(line.get_xdata(), [10, 20, 30])
        np.testing.assert_array_equal(line.get_ydata(), expected)
    assert error_axes.get_yscale() == "log"
