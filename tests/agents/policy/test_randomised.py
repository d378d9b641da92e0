"""Copies of a policy whose layers are untrained, from the outputs to the inputs."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch

from agents import REINFORCE
from agents.policy.randomised import randomised_layers
from agents.policy.recurrent_policy import RAMPolicy

EVERYTHING: dict[str, Any] = {
    "core": "lstm",
    "hidden_size": 8,
    "what_size": 8,
    "where_size": 8,
    "location_size": 4,
    "baseline_size": 4,
    "context_features": 4,
    "glimpse_network": "convolutional",
    "layer_norm": True,
    "canvas_head": 3,
}


def make_policy(seed: int, **policy_kwargs: Any) -> RAMPolicy:
    env = gym.make("glimpse_env:GlimpseDigits-v0", context_size=4)
    policy = RAMPolicy(env.observation_space, env.action_space, seed=seed, **policy_kwargs)
    with torch.no_grad():  # also what begins as 0 or 1 in every policy, such as biases
        for weight in policy.parameters():
            weight.add_(torch.randn(weight.shape, generator=policy.generator))
    return policy


def weights_of(policy: RAMPolicy) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in policy.named_parameters()}


@pytest.mark.parametrize("policy_kwargs", [{"hidden_size": 8}, EVERYTHING])
def test_each_copy_has_one_layer_more_of_the_untrained_policy_and_the_last_has_all(
    policy_kwargs: dict[str, Any],
) -> None:
    trained, untrained = make_policy(0, **policy_kwargs), make_policy(1, **policy_kwargs)
    before, fresh = weights_of(trained), weights_of(untrained)
    random: set[str] = set()
    for name, policy in randomised_layers(trained, untrained).items():
        now = weights_of(policy)
        new = {weight for weight in now if torch.equal(now[weight], fresh[weight])}
        assert random < new, name
        assert all(torch.equal(now[weight], before[weight]) for weight in now.keys() - new)
        random = new
    assert random == set(before)
    assert all(torch.equal(weight, before[name]) for name, weight in weights_of(trained).items())


def test_heads_are_first_so_that_the_hidden_state_is_what_it_was() -> None:
    agent = REINFORCE("glimpse_env:GlimpseDigits-v0", policy_kwargs={"hidden_size": 8}, seed=0, device="cpu")
    observation, _ = agent.make_env().reset(seed=0)
    action, state = agent.predict(observation, deterministic=True)
    copies = agent.randomised(seed=1)
    actions, states = zip(*(copy.predict(observation, deterministic=True) for copy in copies.values()), strict=True)
    assert list(copies)[:2] == ["heads", "core"]
    assert (states[0] == state).all()
    assert (actions[0] != action).any()
    assert all((one != state).any() for one in states[1:])


def test_the_last_copy_is_a_new_agent_of_that_seed() -> None:
    agent, other = (
        REINFORCE("glimpse_env:GlimpseDigits-v0", policy_kwargs={"hidden_size": 8}, seed=seed, device="cpu")
        for seed in (0, 7)
    )
    *_, last = agent.randomised(seed=7).values()
    expected = weights_of(other.policy)
    assert all(torch.equal(weight, expected[name]) for name, weight in weights_of(last).items())
