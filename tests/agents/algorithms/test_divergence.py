"""Divergence: training stops, the last good state comes back, and no agent that cannot act is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback

import agents
from agents import Algorithm, LossWeights, TrainingDiverged
from agents.algorithms.base import SNAPSHOT_ITERATIONS
from tests.agents.making import (
    EVERY_ALGORITHM,
    ITERATION,
    SCHEDULES,
    T,
    assert_same_weights,
    make_agent,
    training_state,
    weights,
)


@EVERY_ALGORITHM
def test_a_loss_that_is_not_finite_stops_the_training(algorithm: type[Algorithm]) -> None:
    agent = make_agent(algorithm).learn(ITERATION)
    with torch.no_grad():
        agent.policy.baseline.bias.fill_(1e30)  # its square is beyond float32
    before = weights(agent)
    with pytest.raises(TrainingDiverged, match="after 48 steps the loss is inf"):
        agent.learn(ITERATION, reset_num_timesteps=False)
    assert_same_weights(weights(agent), before)


@EVERY_ALGORITHM
def test_a_gradient_that_is_not_finite_stops_the_training(algorithm: type[Algorithm]) -> None:
    agent = make_agent(algorithm, loss_weights=LossWeights(policy=0.1, baseline=1e38))
    with torch.no_grad():
        agent.policy.baseline.bias.fill_(1e3)
    before = weights(agent)
    with pytest.raises(TrainingDiverged, match="gradient's norm"):
        agent.learn(ITERATION)
    assert_same_weights(weights(agent), before)


@EVERY_ALGORITHM
def test_a_learning_rate_that_is_far_too_high_stops_the_training(algorithm: type[Algorithm], tmp_path: Path) -> None:
    agent = make_agent(algorithm, learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match=r"after \d+ steps"):
        agent.learn(20 * ITERATION)
    assert all(weight.isfinite().all() for weight in weights(agent).values())
    agent.save(tmp_path / "agent")
    agents.load(tmp_path / "agent")


class Spoil(BaseCallback):
    """Makes the training diverge soon after a snapshot: one iteration has a learning rate that is far too high."""

    def __init__(self) -> None:
        super().__init__()
        self.good: dict[str, torch.Tensor] = {}

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        agent: Any = self.model
        if agent.num_rollouts == SNAPSHOT_ITERATIONS + 1:
            agent.optimizer.param_groups[0]["lr"] = 1e30

    def _on_rollout_end(self) -> None:
        agent: Any = self.model
        if agent.num_rollouts == SNAPSHOT_ITERATIONS:
            self.good = training_state(agent)


@EVERY_ALGORITHM
def test_divergence_brings_the_last_good_state_back(algorithm: type[Algorithm]) -> None:
    planned = (SNAPSHOT_ITERATIONS + 5) * ITERATION
    agent, plain = make_agent(algorithm, **SCHEDULES), make_agent(algorithm, **SCHEDULES).learn(planned)
    spoil = Spoil()
    with pytest.raises(TrainingDiverged):
        agent.learn(planned, callback=spoil)
    assert_same_weights(training_state(agent), spoil.good)
    assert (agent.num_rollouts, agent.num_timesteps) == (SNAPSHOT_ITERATIONS, SNAPSHOT_ITERATIONS * ITERATION)
    agent.learn(planned - agent.num_timesteps, reset_num_timesteps=False)
    assert_same_weights(weights(agent), weights(plain))


@EVERY_ALGORITHM
@pytest.mark.parametrize("iterations", [1, 20])
def test_no_saved_agent_is_unable_to_act(algorithm: type[Algorithm], iterations: int, tmp_path: Path) -> None:
    """Weights of 1e18 are finite, but the outputs of the network are not."""
    agent = make_agent(algorithm, learning_rate=1e18)
    checkpoints = CheckpointCallback(save_freq=T, save_path=str(tmp_path))
    with pytest.raises(TrainingDiverged):
        agent.learn(iterations * ITERATION, callback=checkpoints)
    agent.save(tmp_path / "agent")
    for path in tmp_path.iterdir():
        loaded = agents.load(path, device="cpu")
        assert np.isfinite(agents.evaluate(loaded).mean_return)
