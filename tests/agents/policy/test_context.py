"""The context: it moves the location, never the belief, and is kept in the state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.retina import Retina
from glimpse_env.spaces import action_space, observation_space
from tests.agents.making import SIZES, observe

N, SIDE, UNITS = 5, 6, 4


def make(core: str = "rnn", context_features: int = UNITS, context_size: int | None = SIDE) -> RAMPolicy:
    space = observation_space(1, Retina(8, 1), context_size)
    return RAMPolicy(space, action_space(10), core=core, context_features=context_features, seed=0, **SIZES)


def observe_with_context(seed: int = 0, count: int = N) -> dict[str, np.ndarray]:
    context = np.random.default_rng(seed).random((count, 1, SIDE, SIDE), dtype=np.float32)
    return observe(count) | {"context": context}


@pytest.mark.parametrize("core", ["rnn", "lstm", "gru"])
def test_it_moves_the_location_and_never_the_belief(core: str) -> None:
    policy = make(core)
    one, other = (policy.predict(observe_with_context(seed), deterministic=True)[0] for seed in (1, 2))
    assert not np.allclose(one[:, :2], other[:, :2])
    np.testing.assert_array_equal(one[:, 2:], other[:, 2:])


@pytest.mark.parametrize("core", ["rnn", "lstm", "gru"])
def test_the_state_keeps_it_so_that_it_is_needed_only_at_the_start(core: str) -> None:
    policy = make(core)
    first = observe_with_context(1)
    _, state = policy.predict(first, deterministic=True)
    assert state.shape == (N, policy.state_size)
    following = observe(N, seed=3)
    expected = policy.predict(following | {"context": first["context"]}, state, deterministic=True)
    for array, wanted in zip(policy.predict(following, state, deterministic=True), expected, strict=True):
        np.testing.assert_array_equal(array, wanted)


def test_only_the_location_trains_it() -> None:
    policy = make()
    assert policy.context_network is not None
    seeing, looking = policy.parameter_groups()
    own = list(policy.context_network.parameters())
    assert all(any(weight is other for other in looking) for weight in own)
    observation = {key: torch.from_numpy(value) for key, value in observe_with_context().items()}
    hidden = policy.hidden(policy.remember(observation, policy.initial_state(N)))
    policy.location_mean(hidden, policy.context(observation)).sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in own)
    assert all(weight.grad is None for weight in seeing)


def test_a_whole_episode_at_once_gives_the_same_hidden_states() -> None:
    policy = make("lstm")
    episode = [{key: torch.from_numpy(value) for key, value in observe_with_context(s).items()} for s in range(3)]
    state = policy.initial_state(N)
    hidden = []
    for observation in episode:
        state = policy.remember(observation, state)
        hidden.append(policy.hidden(state))
    stacked = {key: torch.stack([one[key] for one in episode]) for key in episode[0]}
    torch.testing.assert_close(policy.unroll(stacked), torch.stack(hidden))


def test_an_environment_may_show_what_the_policy_does_not_read() -> None:
    ignoring, without = make(context_features=0), make(context_features=0, context_size=None)
    acted = [policy.predict(observe_with_context(), deterministic=True)[0] for policy in (ignoring, without)]
    np.testing.assert_array_equal(*acted)


def test_features_of_a_context_that_nobody_shows_are_an_error() -> None:
    with pytest.raises(ValueError, match="context_size"):
        make(context_size=None)


@pytest.mark.parametrize(
    "context", [None, np.zeros((N, 1, SIDE, SIDE + 1), np.float32), np.zeros((N - 1, 1, SIDE, SIDE), np.float32)]
)
def test_a_missing_or_misshapen_context_is_an_error(context: Any) -> None:
    observation = observe(N) | ({} if context is None else {"context": context})
    with pytest.raises(ValueError, match=r"expected .*context"):
        make().predict(observation)
