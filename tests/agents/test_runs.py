"""Run folders: which files are where, and what is read from the log and the arguments."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from agents import PPO, RunFolder
from agents.learning_curve import MIN_ERROR, draw_learning_curve

HEADER = "time/total_timesteps,rollout/success_rate\n"


def test_a_folder_and_the_file_of_an_agent_in_it_are_the_same_run(tmp_path: Path) -> None:
    run = RunFolder.of(tmp_path)
    assert run == RunFolder(tmp_path) == RunFolder.of(tmp_path / "agent.zip")
    assert RunFolder.of(str(tmp_path / "other.zip")) == RunFolder(tmp_path, "other.zip")
    assert RunFolder.of(tmp_path / "other.zip").evaluation == run.evaluation


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


@pytest.mark.parametrize("torn", ["", "30", "30,0.", "30,0.3", "30\n"])
def test_reads_the_whole_lines_of_a_log(torn: str, tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.log.write_text(f"{HEADER}10,0.125\n20,\n{torn}", encoding="utf-8")
    log = run.read_log()
    assert list(log) == ["time/total_timesteps", "rollout/success_rate"]
    np.testing.assert_array_equal(log["time/total_timesteps"], [10, 20])
    np.testing.assert_array_equal(log["rollout/success_rate"], [0.125, np.nan])


def test_a_log_without_lines_has_empty_columns_or_none(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with pytest.raises(FileNotFoundError):
        run.read_log()
    run.log.touch()
    assert run.read_log() == {}
    run.log.write_text(HEADER, encoding="utf-8")
    assert {key: values.shape for key, values in run.read_log().items()} == {
        "time/total_timesteps": (0,),
        "rollout/success_rate": (0,),
    }


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
