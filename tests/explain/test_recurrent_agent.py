"""States come back as they were, in the form that the agent gave them, whichever that is."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents import REINFORCE
from explain import Recording, record
from explain.recurrent_agent import RecurrentAgent

PLAIN = "GlimpseDigits-v0"
C = 3


class Answering:
    """Returns states of a fixed form, whatever it sees, and notes the states that it is given."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.given: list[Any] = []

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        self.given.append(state)
        return np.zeros((len(observation["location"]), 2 + C), np.float32), self.answer


def observe(count: int) -> dict[str, np.ndarray]:
    return {"glimpse": np.zeros((count, 1, 2, 2), np.float32), "location": np.zeros((count, 2), np.float32)}


@given(st.data())
def test_a_state_in_parts_is_flattened_and_restored(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 5))
    shapes = data.draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 6)), min_size=1, max_size=4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    state = tuple(rng.normal(size=(layers, count, size)).astype(np.float32) for layers, size in shapes)
    agent = RecurrentAgent(Answering(state))
    agent.predict(observe(count))
    hidden = agent.flatten(state)
    assert hidden.shape == (count, sum(layers * size for layers, size in shapes))
    assert hidden.dtype == torch.float32
    for part, restored in zip(state, agent.restore(hidden), strict=True):
        np.testing.assert_array_equal(part, restored)
    chosen = data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=7))
    for part, restored in zip(state, agent.restore(hidden[chosen]), strict=True):
        np.testing.assert_array_equal(part[:, chosen], restored)


def test_a_state_that_is_an_array_stays_as_it_is() -> None:
    state = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    agent = RecurrentAgent(Answering(state))
    agent.predict(observe(3))
    np.testing.assert_array_equal(agent.flatten(state).numpy(), state)
    np.testing.assert_array_equal(agent.restore(agent.flatten(state)), state)


@pytest.mark.parametrize("state", [np.zeros((1, 4), np.float32), (np.zeros((2, 1, 2), np.float32),)])
def test_a_restored_state_shares_no_memory_with_the_hidden_states(state: Any) -> None:
    """Also where all rows are one: an agent may write into what it is given."""
    agent = RecurrentAgent(Answering(state))
    agent.predict(observe(1))
    hidden = torch.ones(4)
    restored = agent.restore(hidden.expand(3, -1))
    part = restored[0] if isinstance(restored, tuple) else restored
    part[:] = 7
    assert torch.equal(hidden, torch.ones(4))


def test_the_form_is_learned_by_asking_once_where_it_is_not_known() -> None:
    state = (np.zeros((2, 1, 2), np.float32), np.zeros((1, 1, 1), np.float32))
    answering = Answering(state)
    agent = RecurrentAgent(answering)
    with pytest.raises(RuntimeError, match=r"expected predict\(\) to be called before restore\(\)"):
        agent.restore(torch.zeros(3, 5))
    for _ in range(2):
        beliefs = agent.beliefs_after(torch.arange(15.0).view(3, 5), torch.zeros(3, 1, 2, 2), torch.zeros(3, 2))
        torch.testing.assert_close(beliefs, torch.full((3, C), 1 / C))
    first, *others = answering.given
    assert first is None
    assert len(others) == 2
    for first, second in others:
        np.testing.assert_array_equal(first, [[[0, 1], [5, 6], [10, 11]], [[2, 3], [7, 8], [12, 13]]])
        np.testing.assert_array_equal(second, [[[4], [9], [14]]])


def test_an_adapter_is_not_wrapped_again_and_keeps_what_it_has_learned() -> None:
    answering = Answering(np.zeros((1, 4), np.float32))
    agent = RecurrentAgent(answering)
    agent.predict(observe(1))
    again = RecurrentAgent(agent)
    assert again.agent is answering
    assert again.restore(torch.zeros(2, 4)).shape == (2, 4)


def test_an_agent_without_a_state_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an agent with a state"):
        RecurrentAgent(Answering(None)).predict(observe(2))


@given(st.integers(0, 2**31), st.floats(0.01, 1000))
def test_beliefs_are_the_softmax_of_the_logits_as_the_environment_clips_them(seed: int, scale: float) -> None:
    actions = (np.random.default_rng(seed).normal(size=(3, 2 + C)) * scale).astype(np.float32)
    beliefs = RecurrentAgent(Answering(None)).beliefs(actions)
    torch.testing.assert_close(beliefs, torch.from_numpy(actions[:, 2:]).clamp(-20, 20).softmax(-1))


def check_memory(agent: Any) -> Recording:
    """With a recorded state and the next glimpse, the agent comes to the next recorded belief."""
    envs = gym.make_vec(PLAIN, num_envs=4, vectorization_mode="vector_entry_point", split="test")
    recording = record(agent, envs, 6)
    adapter, tables = RecurrentAgent(agent), recording.retina.pool(recording.canvases)
    for glimpse in range(5):
        locations = recording.locations[:, glimpse + 1]
        seen = recording.retina.glimpses(tables, locations)
        beliefs = adapter.beliefs_after(recording.hidden[:, glimpse], seen, locations)
        torch.testing.assert_close(beliefs, recording.beliefs[:, glimpse + 1], rtol=1e-4, atol=1e-5)
    return recording


def test_our_agents_go_on_from_recorded_states_and_keep_their_weights() -> None:
    sizes = {"hidden_size": 16, "what_size": 8, "where_size": 8, "core": "lstm"}
    agent = REINFORCE(PLAIN, policy_kwargs=sizes, num_envs=4, seed=0, device="cpu")
    before = {name: value.clone() for name, value in agent.policy.state_dict().items()}
    assert check_memory(agent).hidden.shape == (6, 6, 32)
    for name, value in agent.policy.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(weight.grad is None for weight in agent.policy.parameters())


def test_recurrent_models_of_stable_baselines3_go_on_from_recorded_states_and_keep_their_weights() -> None:
    contrib = pytest.importorskip("sb3_contrib", reason="sb3-contrib is not installed: pip install -e '.[train]'")
    sizes = {"lstm_hidden_size": 8, "n_lstm_layers": 2, "net_arch": [8]}
    model = contrib.RecurrentPPO("MultiInputLstmPolicy", gym.make(PLAIN), policy_kwargs=sizes, seed=0, device="cpu")
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}
    recording = check_memory(model)
    assert recording.hidden.shape == (6, 6, 2 * 2 * 8)
    assert recording.hidden.dtype == recording.beliefs.dtype == torch.float32
    for name, value in model.policy.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_state_of_an_agent_with_a_context_is_taken_up_without_one() -> None:
    env = gym.make("GlimpseClutteredDigits-v0", context_size=5)
    agent = REINFORCE(env, policy_kwargs={"hidden_size": 8, "context_features": 3}, seed=0, device="cpu")
    recording = record(agent, agent.make_vec_env(6, split="test"), 6)
    tables = recording.retina.pool(recording.canvases)
    glimpses = recording.retina.glimpses(tables, recording.locations[:, 1])
    beliefs = RecurrentAgent(agent).beliefs_after(recording.hidden[:, 0], glimpses, recording.locations[:, 1])
    torch.testing.assert_close(beliefs, recording.beliefs[:, 1])
