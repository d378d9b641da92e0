"""The log: keys of Stable-Baselines3, its formats, and who writes a line when."""

from __future__ import annotations

import csv
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.callbacks import LogEveryNTimesteps
from stable_baselines3.common.logger import configure

from agents import Algorithm
from tests.agents.making import EVERY_ALGORITHM, ID, ITERATION, N, T, make_agent


def read_log(folder: Path) -> list[dict[str, str]]:
    with open(folder / "progress.csv", newline="") as file:
        return list(csv.DictReader(file))


TRAIN_KEYS = ["policy_gradient_loss", "classification_loss", "value_loss", "loss", "learning_rate", "location_std"]


@EVERY_ALGORITHM
def test_the_log_has_the_keys_of_stable_baselines3(algorithm: type[Algorithm], tmp_path: Path) -> None:
    agent = make_agent(algorithm, learning_rate=0.01, location_std=0.25)
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(6 * ITERATION, log_interval=2)
    agent.logger.close()
    rows = read_log(tmp_path)
    expected = {
        *(f"rollout/{name}" for name in ("ep_rew_mean", "ep_len_mean", "success_rate")),
        *(f"time/{name}" for name in ("fps", "iterations", "total_timesteps")),
        *(f"train/{name}" for name in TRAIN_KEYS),
    }
    assert expected <= set(rows[0])
    assert [int(row["time/total_timesteps"]) for row in rows] == [2 * ITERATION, 4 * ITERATION, 6 * ITERATION]
    assert [int(row["time/iterations"]) for row in rows] == [2, 4, 6]
    for row in rows:
        assert row["rollout/ep_rew_mean"] == row["rollout/success_rate"], "so it is under the hard reward"
        assert float(row["rollout/ep_len_mean"]) == T
        assert float(row["train/learning_rate"]) == 0.01
        assert float(row["train/location_std"]) == 0.25
        assert float(row["train/loss"]) == pytest.approx(
            float(row["train/classification_loss"])
            + 0.1 * float(row["train/policy_gradient_loss"])
            + float(row["train/value_loss"]),
            rel=1e-3,
        )


def test_the_log_is_printed_if_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    make_agent(verbose=0).learn(ITERATION, log_interval=1)
    assert capsys.readouterr().out == ""
    make_agent(verbose=1).learn(ITERATION, log_interval=1)
    assert "success_rate" in capsys.readouterr().out


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    make_agent(tensorboard_log=str(tmp_path)).learn(ITERATION, log_interval=1)
    make_agent(tensorboard_log=str(tmp_path)).learn(ITERATION, log_interval=1, tb_log_name="other")
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["REINFORCE_1", "other_1"]
    for folder in tmp_path.iterdir():
        assert [file.name.split(".")[0] for file in folder.iterdir()] == ["events"]


def test_each_training_has_its_log_unless_it_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    agent = make_agent(tensorboard_log=str(tmp_path))
    agent.learn(ITERATION, tb_log_name="first").learn(ITERATION, tb_log_name="second").learn(
        ITERATION, tb_log_name="second"
    )
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["first_1", "second_1", "second_2"]
    agent.learn(ITERATION, tb_log_name="second", reset_num_timesteps=False)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["first_1", "second_1", "second_2"]
    assert len(list((tmp_path / "second_2").iterdir())) == 2


def test_a_logger_of_ones_own_stays(tmp_path: Path) -> None:
    agent = make_agent(tensorboard_log=str(tmp_path / "tensorboard"))
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    logger = agent.logger
    agent.learn(ITERATION, log_interval=1).learn(
        ITERATION, log_interval=1, tb_log_name="other", reset_num_timesteps=False
    )
    assert agent.logger is logger
    logger.close()
    assert len(read_log(tmp_path)) == 2
    assert not (tmp_path / "tensorboard").exists()


def test_the_log_can_be_left_to_a_callback(tmp_path: Path) -> None:
    agent = make_agent()
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(6 * ITERATION, callback=LogEveryNTimesteps(3 * ITERATION), log_interval=None)
    agent.logger.close()
    assert [int(row["time/total_timesteps"]) for row in read_log(tmp_path)] == [3 * ITERATION, 6 * ITERATION]


def test_both_a_callback_and_an_interval_can_log(tmp_path: Path) -> None:
    agent = make_agent()
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(2 * ITERATION, callback=LogEveryNTimesteps(ITERATION), log_interval=1)
    agent.logger.close()
    assert len(read_log(tmp_path)) == 4


@EVERY_ALGORITHM
def test_a_single_glimpse_can_be_learnt_from(algorithm: type[Algorithm], tmp_path: Path) -> None:
    agent = make_agent(algorithm, gym.make(ID, num_glimpses=1))
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(2 * N, log_interval=1)
    agent.logger.close()
    assert agent.num_timesteps == 2 * N
    for row in read_log(tmp_path):
        assert all(np.isfinite(float(value)) for value in row.values()), row
