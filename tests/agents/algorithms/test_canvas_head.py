"""Training an agent to predict the canvas, too: with every algorithm, resumed, without a weight, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import agents
from agents import PPO, REINFORCE, Algorithm, Branching, LossWeights
from agents.algorithms.checkpoint import AGENTS
from tests.agents.making import (
    EVERY_ALGORITHM,
    EVERY_CORE,
    ID,
    ITERATION,
    SIZES,
    N,
    assert_same_weights,
    first_rollout,
    gradients,
    make_agent,
    training_state,
    weights,
)
from tests.archives import unpack

SIDE = 7


def make(algorithm: type[Algorithm] = REINFORCE, weight: float = 2.0, side: int = SIDE, **changes: Any) -> Any:
    policy_kwargs = SIZES | {"core": changes.pop("core", "rnn")} | ({"canvas_head": side} if side else {})
    arguments = {"num_envs": N, "seed": 0, "device": "cpu", "loss_weights": LossWeights(canvas=weight)} | changes
    return algorithm(arguments.pop("env", ID), policy_kwargs=policy_kwargs, **arguments)


@EVERY_ALGORITHM
def test_the_gradient_reaches_glimpse_network_and_core_and_nothing_that_looks(algorithm: type[Algorithm]) -> None:
    """What the weight adds to the gradient is the gradient of the cross-entropy of the pooled canvases."""
    settings: dict[str, Any] = {"learning_rate": 0.0, "max_grad_norm": 1e9}
    if algorithm is PPO:
        settings |= {"n_epochs": 1, "batch_size": N}
    agent, without = (make(algorithm, weight, **settings) for weight in (2.0, 0.0))
    rollouts = [first_rollout(one) for one in (agent, without)]
    canvases = rollouts[0].canvases
    assert canvases is not None
    # Computed apart from the training.
    policy = make(algorithm).policy
    logits = policy.canvas_head(policy.unroll(rollouts[0].observations))
    assert logits.shape == (6, N, 1, SIDE, SIDE)
    loss = binary_cross_entropy_with_logits(logits, canvases.expand_as(logits))
    loss.backward()
    for one, rollout in zip((agent, without), rollouts, strict=True):
        one.train(rollout)
    got, rest = gradients(agent), gradients(without)
    parts = set()
    for name, weight in policy.named_parameters():
        if weight.grad is not None:
            parts.add(name.partition(".")[0])
            expected = rest.get(name, torch.zeros_like(weight)) + 2 * weight.grad
            torch.testing.assert_close(got[name], expected, rtol=1e-4, atol=1e-6)
        else:
            assert torch.equal(got[name], rest[name]), name
    assert parts == {"glimpse_network", "core", "canvas_head"}
    assert policy.core.linear.weight.grad.abs().max() > 0


def test_the_canvases_are_those_that_the_agent_looked_at() -> None:
    """Not those of the next episodes, which have begun when the rollout ends."""
    agent = make(env=gym.make(ID, canvas_size=35))
    agent.learn(0)
    expected = agent.env.unwrapped.world.canvases.float().view(N, 1, SIDE, 5, SIDE, 5).mean((3, 5)) / 255
    rollout = agent.collect_rollouts()
    torch.testing.assert_close(rollout.canvases, expected)


@EVERY_ALGORITHM
def test_without_a_weight_agents_are_what_they_were(algorithm: type[Algorithm], tmp_path: Path) -> None:
    """No weight more, and none of the others differs, whether there is a head or not."""
    plain = make_agent(algorithm).learn(2 * ITERATION)
    for side in (0, SIDE):
        agent = make(algorithm, weight=0.0, side=side).learn(2 * ITERATION)
        learnt = {name: weight for name, weight in weights(agent).items() if not name.startswith("canvas_head.")}
        assert_same_weights(learnt, weights(plain))
        assert agent.policy.canvas_head is None or side
    for one, name in ((plain, "plain"), (make(algorithm, weight=0.0, side=0).learn(2 * ITERATION), "without")):
        one.save(tmp_path / name)
    (_, tensors), (_, without) = (unpack(tmp_path / f"{name}.zip") for name in ("plain", "without"))
    assert tensors.keys() == without.keys()
    assert tensors["policy"].keys() == without["policy"].keys()


@EVERY_ALGORITHM
def test_a_resumed_training_ends_as_one_that_was_never_interrupted(algorithm: type[Algorithm], tmp_path: Path) -> None:
    agent = make(algorithm).learn(3 * ITERATION)
    agent.save(tmp_path / "agent")
    resumed = agents.load(tmp_path / "agent", device="cpu")
    assert resumed.settings.loss_weights.canvas == 2
    for one in (agent, resumed):
        one.learn(3 * ITERATION, reset_num_timesteps=False)
    assert_same_weights(training_state(resumed), training_state(agent))
    assert "canvas_loss" in agent.metrics.losses[-1]


def test_the_weight_of_a_saved_agent_can_be_changed(tmp_path: Path) -> None:
    agent = make().learn(2 * ITERATION)
    agent.save(tmp_path / "agent")
    changed = agents.load(tmp_path / "agent", device="cpu", loss_weights=LossWeights())
    changed.learn(ITERATION, reset_num_timesteps=False)
    assert "canvas_loss" not in changed.metrics.losses[-1]
    changed.save(tmp_path / "again")
    assert_same_weights(weights(agents.load(tmp_path / "again", device="cpu")), weights(changed))


@EVERY_CORE
def test_every_core_can_be_trained_so(core: str) -> None:
    agent = make(Branching, core=core)
    before = weights(agent)
    agent.learn(2 * ITERATION)
    unchanged = [name for name, weight in weights(agent).items() if torch.equal(weight, before[name])]
    assert unchanged == ["location_std"]


def test_files_from_before_there_was_a_canvas_weight_load(tmp_path: Path) -> None:
    agent = make_agent().learn(ITERATION)
    agent.save(tmp_path / "agent")
    description, tensors = unpack(tmp_path / "agent.zip")
    del description["agent"]["settings"]["loss_weights"]["canvas"]
    AGENTS.write(tmp_path / "agent.zip", description, tensors)
    loaded = agents.load(tmp_path / "agent.zip", device="cpu")
    assert loaded.settings.loss_weights.canvas == 0
    assert_same_weights(training_state(loaded), training_state(agent))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": 0}, r"expected a canvas head for the loss weight canvas=2, .*, got a policy without one"),
        ({"side": 29}, "expected canvas_head to be at most the canvas's side, 28, got 29"),
        ({"weight": -1.0}, "expected the loss weight canvas to be a number in .*, got -1"),
        ({"weight": float("nan")}, "expected the loss weight canvas to be a number in .*, got nan"),
    ],
)
def test_what_cannot_be_trained_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_a_policy_without_a_head_cannot_be_given_a_weight_later(tmp_path: Path) -> None:
    make_agent().save(tmp_path / "agent")
    with pytest.raises(ValueError, match="expected a canvas head for the loss weight canvas=1"):
        agents.load(tmp_path / "agent", device="cpu", loss_weights=LossWeights(canvas=1))
