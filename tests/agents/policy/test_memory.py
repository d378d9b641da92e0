"""Gradients that go back through an episode by hand are those of autograd, glimpse by glimpse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from agents.policy.memory import EpisodeGradient, StackedMemory, SteppedMemory, new_memory
from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.retina import Retina
from glimpse_env.spaces import action_space, observation_space

T, N = 4, 5


def make_policy(**arguments: Any) -> RAMPolicy:
    sizes = {"hidden_size": 7, "what_size": 6, "where_size": 3} | arguments
    return RAMPolicy(observation_space(1, Retina(5, 1)), action_space(3), **sizes, seed=1)


def make_observations(length: int = T) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {
        "glimpse": torch.rand(length, N, 1, 5, 5, generator=generator),
        "location": torch.rand(length, N, 2, generator=generator) * 2 - 1,
    }


def play(memory: Any, observations: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The states, one after the other, and the hidden states with their gradient."""
    length = len(observations["location"])
    states = [memory.remember({key: value[step] for key, value in observations.items()}) for step in range(length)]
    return torch.stack([state.detach().clone() for state in states]), memory.hidden(observations)


@pytest.mark.parametrize("length", [1, 2, T])
def test_both_memories_agree_in_states_and_gradients(length: int) -> None:
    policy, observations = make_policy(), make_observations(length)
    towards = torch.rand(length, N, 7, generator=torch.Generator().manual_seed(3)) - 0.5
    gradients = []
    for memory in (SteppedMemory(policy, N), StackedMemory(policy, N, length)):
        policy.zero_grad()
        states, hidden = play(memory, observations)
        torch.testing.assert_close(hidden, states)
        torch.testing.assert_close(hidden, policy.unroll(observations))
        (hidden * towards).sum().backward()
        gradients.append({name: weight.grad for name, weight in policy.named_parameters()})
    by_autograd, by_hand = gradients
    for name, gradient in by_autograd.items():
        if gradient is not None:  # the heads take no part
            torch.testing.assert_close(by_hand[name], gradient, rtol=1e-6, atol=1e-6, msg=name)
    assert sum(gradient is not None for gradient in by_hand.values()) == 8


def test_the_gradient_is_that_of_finite_differences() -> None:
    policy, observations = make_policy(hidden_size=4, what_size=3, where_size=2).double(), make_observations()
    network, core = policy.glimpse_network, policy.core.linear
    weights = [w for layer in (network.what, network.where, network.combine, core) for w in (layer.weight, layer.bias)]
    glimpses, locations = (observations[key].double().flatten(2) for key in ("glimpse", "location"))

    def hidden_states(*weights: Tensor) -> Tensor:
        """By the equations, from the weights; then handed to the function that knows their gradient."""
        what, what_bias, where, where_bias, combine, combine_bias, core, core_bias = (w.detach() for w in weights)
        parts = torch.cat([glimpses @ what.T + what_bias, locations @ where.T + where_bias], -1).relu()
        features = (parts @ combine.T + combine_bias).relu()
        hidden = [torch.zeros(N, 4, dtype=torch.float64)]
        for step in features:
            hidden.append((torch.cat([step, hidden[-1]], -1) @ core.T + core_bias).relu())
        known = torch.stack(hidden[1:])
        scratch = [torch.empty_like(one) for one in (parts, features, known)]
        return EpisodeGradient.apply(scratch, glimpses, locations, parts, features, known, *weights)

    assert torch.autograd.gradcheck(hidden_states, weights)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, StackedMemory),
        ({"core": "gru"}, SteppedMemory),
        ({"core": "lstm"}, SteppedMemory),
        ({"layer_norm": True}, SteppedMemory),
        ({"glimpse_network": "convolutional"}, SteppedMemory),
    ],
)
def test_each_policy_has_a_memory(arguments: dict[str, Any], kind: type) -> None:
    policy, observations = make_policy(**arguments), make_observations()
    memory = new_memory(policy, N, T)
    assert isinstance(memory, kind)
    states, hidden = play(memory, observations)
    torch.testing.assert_close(policy.hidden(states), hidden)
    torch.testing.assert_close(hidden, policy.unroll(observations))


def test_no_gradient_where_none_is_wanted() -> None:
    policy = make_policy()
    with torch.no_grad():
        _, hidden = play(new_memory(policy, N, T), make_observations())
    assert not hidden.requires_grad


def test_mixed_precision_is_left_to_autograd() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert isinstance(new_memory(make_policy(), N, T), SteppedMemory)
