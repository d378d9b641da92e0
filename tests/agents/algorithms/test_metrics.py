"""Metrics: means over recent episodes, and over the losses since the last line of the log."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from stable_baselines3.common.logger import Logger

from agents.algorithms.branches import Branches
from agents.algorithms.losses import HybridLoss, LossWeights
from agents.algorithms.metrics import RECENT_ROLLOUTS, Metrics
from agents.algorithms.rollout import Rollout


def rollout(successes: list[bool], rewards: list[list[float]]) -> Rollout:
    nothing = torch.empty(0)
    return Rollout(
        observations={},
        locations=nothing,
        hidden=nothing,
        means=nothing,
        logits=nothing,
        rewards=torch.tensor(rewards),
        labels=nothing,
        predictions=nothing,
        is_success=torch.tensor(successes),
        on_policy=nothing,
        all_on_policy=nothing,
        cloning=False,
        branches=Branches(nothing, nothing),
        canvas_logits=None,
        canvases=None,
        next_observation={},
    )


def loss(value: float) -> HybridLoss:
    one = torch.tensor(value, requires_grad=True)
    return HybridLoss(LossWeights(policy=0.5, baseline=2.0), policy=one, classification=2 * one, baseline=3 * one)


def recorded(metrics: Metrics) -> dict[str, Any]:
    logger = Logger(None, [])
    metrics.record(logger)
    return dict(logger.name_to_value)


def test_accuracy_and_return_are_means_over_episodes() -> None:
    metrics = Metrics()
    metrics.add_rollout(rollout([True, False], [[0.25, 0.0], [1.0, 0.0]]))
    metrics.add_rollout(rollout([True, True], [[0.0, 0.0], [1.0, 1.0]]))
    metrics.add_loss(loss(1.0))
    values = recorded(metrics)
    assert values["rollout/success_rate"] == metrics.recent_accuracy == 0.75
    assert values["rollout/ep_rew_mean"] == pytest.approx((1.25 / 2 + 1) / 2)


def test_losses_are_means_since_the_last_time() -> None:
    metrics = Metrics()
    metrics.add_rollout(rollout([True], [[1.0]]))
    metrics.add_loss(loss(9.0), grad_norm=torch.tensor(7.0))
    recorded(metrics)
    for value in (1.0, 3.0):
        metrics.add_loss(loss(value), grad_norm=torch.tensor(value))
    values = recorded(metrics)
    assert values["train/policy_gradient_loss"] == 2
    assert values["train/classification_loss"] == 4
    assert values["train/value_loss"] == 6
    assert values["train/loss"] == 4 + 0.5 * 2 + 2 * 6
    assert values["train/grad_norm"] == 2


def test_without_anything_new_there_are_no_losses() -> None:
    metrics = Metrics()
    assert recorded(metrics) == {}
    metrics.add_rollout(rollout([True], [[1.0]]))
    metrics.add_loss(loss(1.0))
    recorded(metrics)
    assert recorded(metrics) == {"rollout/success_rate": 1, "rollout/ep_rew_mean": 1}


def test_only_recent_rollouts_count() -> None:
    metrics = Metrics()
    assert metrics.recent_accuracy == 0
    for _ in range(5):
        metrics.add_rollout(rollout([False], [[0.0]]))
    for _ in range(RECENT_ROLLOUTS):
        metrics.add_rollout(rollout([True], [[1.0]]))
    assert metrics.recent_accuracy == 1


def test_goes_on_after_a_save_as_if_there_had_been_none() -> None:
    metrics, resumed = Metrics(), Metrics()
    for number in range(RECENT_ROLLOUTS + 50):
        metrics.add_rollout(rollout([number % 3 == 0], [[number / 7]]))
    for value in (0.1, 0.2):
        metrics.add_loss(loss(value), grad_norm=torch.tensor(value))
    resumed.restore(deepcopy(metrics.tensors()), torch.device("cpu"))
    for both in (metrics, resumed):
        both.add_rollout(rollout([True], [[1.0]]))
        both.add_loss(loss(0.3), grad_norm=torch.tensor(0.3))
    assert recorded(metrics) == recorded(resumed)


def test_nothing_is_saved_and_restored_before_the_first_rollout() -> None:
    metrics = Metrics()
    metrics.restore(Metrics().tensors(), torch.device("cpu"))
    assert recorded(metrics) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"rollouts": torch.zeros(3)},
        {"rollouts": torch.zeros(3, 3)},
        {"rollouts": torch.zeros(RECENT_ROLLOUTS + 1, 2)},
        {"losses": {"loss": torch.zeros(2), "value_loss": torch.zeros(3)}},
        {"losses": {"loss": torch.tensor(0.0)}},
    ],
)
def test_refuses_what_no_training_saves(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Metrics().restore(Metrics().tensors() | changes, torch.device("cpu"))
