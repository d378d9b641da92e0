"""The policy: predict agrees with itself on single observations, in batches and in training; gradients stop."""

from __future__ import annotations

import re
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch.distributions import Independent, Normal

import glimpse_env
from agents.algorithms.rollout import BehaviourPolicy, Rollout, collect
from agents.policy.recurrent_policy import RAMPolicy
from glimpse_env.retina import Retina
from glimpse_env.spaces import MAX_LOGIT, action_space, observation_space

N, H = 6, 16
CORES = ["rnn", "lstm", "gru"]
EVERY_CORE = pytest.mark.parametrize("core", CORES)


def make_policy(core: str = "rnn", seed: int = 0, **arguments: Any) -> RAMPolicy:
    sizes = {"hidden_size": H, "what_size": 8, "where_size": 8} | arguments
    return RAMPolicy(observation_space(1, Retina(8, 1)), action_space(10), core=core, seed=seed, **sizes)


def observe(count: int = N, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "glimpse": rng.random((count, 1, 8, 8), dtype=np.float32),
        "location": rng.uniform(-1, 1, (count, 2)).astype(np.float32),
    }


def one_of(observation: dict[str, np.ndarray], row: int) -> dict[str, np.ndarray]:
    return {key: value[row] for key, value in observation.items()}


def play(policy: RAMPolicy, seed: int = 0, **arguments: Any) -> Rollout:
    envs = gym.make_vec(
        "GlimpseDigits-v0", num_envs=N, vectorization_mode="vector_entry_point", device="cpu", **arguments
    )
    observation, _ = envs.reset(seed=seed)
    return collect(BehaviourPolicy(policy, torch.Generator().manual_seed(seed)), envs, observation)


@EVERY_CORE
def test_predict_one_by_one_is_predict_in_a_batch(core: str) -> None:
    policy = make_policy(core)
    states: Any = None
    memories: list[Any] = [None] * N
    for step in range(4):
        observation = observe(seed=step)
        actions, states = policy.predict(observation, states, deterministic=True)
        for row in range(N):
            action, memories[row] = policy.predict(one_of(observation, row), memories[row], deterministic=True)
            np.testing.assert_allclose(action[:2], actions[row][:2], rtol=0, atol=1e-6)
            # The highest logit is 20, where neighbouring float32 are 1.9e-6 apart: two steps.
            np.testing.assert_allclose(action[2:], actions[row][2:], rtol=0, atol=4e-6)
            np.testing.assert_allclose(memories[row], states[row], rtol=0, atol=1e-6)


@EVERY_CORE
def test_predict_has_the_shapes_of_the_spaces(core: str) -> None:
    policy = make_policy(core)
    size = policy.core.state_size
    for deterministic in (True, False):
        actions, states = policy.predict(observe(), deterministic=deterministic)
        assert actions.shape == (N, 12)
        assert states.shape == (N, size)
        action, state = policy.predict(one_of(observe(), 0), deterministic=deterministic)
        assert action.shape == (12,)
        assert state.shape == (size,)
        assert action.dtype == state.dtype == np.float32
        assert action_space(10).contains(action)


def test_a_batch_of_one_stays_a_batch() -> None:
    actions, states = make_policy().predict(observe(1))
    assert actions.shape == (1, 12)
    assert states.shape == (1, H)


def test_deterministic_looks_at_the_mean_and_stochastic_around_it() -> None:
    policy = make_policy()
    policy.location_std.fill_(0.05)
    observation = {key: np.repeat(value, 4000, axis=0) for key, value in observe(1).items()}
    mean, _ = policy.predict(observation, deterministic=True)
    again, _ = policy.predict(observation, deterministic=True)
    np.testing.assert_array_equal(mean, again)
    drawn, _ = policy.predict(observation)
    np.testing.assert_array_equal(drawn[:, 2:], mean[:, 2:])
    deviations = drawn[:, :2] - mean[:, :2]
    assert np.abs(deviations.mean(axis=0)).max() < 4 * 0.05 / np.sqrt(4000)
    np.testing.assert_allclose(deviations.std(axis=0), 0.05, rtol=0.05)
    assert abs(np.corrcoef(deviations.T)[0, 1]) < 0.07


def test_actions_stay_within_the_action_space() -> None:
    policy = make_policy()
    with torch.no_grad():
        policy.classifier.weight.mul_(1e4)
        policy.location_std.fill_(10.0)
    actions, _ = policy.predict(observe())
    assert np.abs(actions[:, :2]).max() == 1
    assert np.abs(actions[:, 2:]).max() == MAX_LOGIT


@EVERY_CORE
def test_predict_carries_the_hidden_state(core: str) -> None:
    policy = make_policy(core)
    first, second = observe(seed=1), observe(seed=2)
    _, state = policy.predict(first, deterministic=True)
    _, with_memory = policy.predict(second, state, deterministic=True)
    _, without = policy.predict(second, deterministic=True)
    assert not np.allclose(with_memory, without)


def test_an_episode_that_starts_forgets_and_the_others_do_not() -> None:
    policy = make_policy("lstm")
    _, state = policy.predict(observe(seed=1), deterministic=True)
    starts = np.array([True, False, False, True, False, True])
    observation = observe(seed=2)
    actions, states = policy.predict(observation, state, starts, deterministic=True)
    fresh = policy.predict(observation, deterministic=True)
    kept = policy.predict(observation, state, deterministic=True)
    for result, new, old in zip((actions, states), fresh, kept, strict=True):
        np.testing.assert_array_equal(result[starts], new[starts])
        np.testing.assert_array_equal(result[~starts], old[~starts])


@pytest.mark.parametrize("start", [True, np.bool_(True), np.array([True]), [True]])
def test_a_single_observation_takes_any_kind_of_truth_value(start: Any) -> None:
    policy, observation = make_policy(), one_of(observe(), 0)
    _, state = policy.predict(one_of(observe(seed=1), 0))
    action, _ = policy.predict(observation, state, start, deterministic=True)
    fresh, _ = policy.predict(observation, deterministic=True)
    np.testing.assert_array_equal(action, fresh)


@EVERY_CORE
def test_predict_is_the_training_time_forward_pass_up_to_rounding(core: str) -> None:
    """In training, the heads take all glimpses at once. Some processors multiply more rows by another kernel."""
    policy = make_policy(core)
    rollout = play(policy)
    state = None
    for step in range(6):
        observation = {key: seen[step].numpy() for key, seen in rollout.observations.items()}
        actions, state = policy.predict(observation, state, np.full(N, step == 0), deterministic=True)
        np.testing.assert_allclose(actions[:, :2], rollout.means[step].detach().numpy(), rtol=0, atol=1e-7)
        np.testing.assert_allclose(actions[:, 2:], rollout.logits[step].detach().numpy(), rtol=0, atol=1e-7)
        np.testing.assert_allclose(state[:, :H], rollout.hidden[step].detach().numpy(), rtol=0, atol=1e-7)


@EVERY_CORE
def test_unroll_remembers_step_by_step(core: str) -> None:
    policy = make_policy(core)
    rollout = play(policy)
    state = policy.initial_state(N)
    hidden = policy.unroll(rollout.observations)
    assert hidden.shape == (6, N, H)
    for step in range(6):
        state = policy.remember({key: seen[step] for key, seen in rollout.observations.items()}, state)
        torch.testing.assert_close(policy.hidden(state), hidden[step], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(hidden, rollout.hidden, rtol=1e-5, atol=1e-6)


def parts_with_gradient(policy: RAMPolicy) -> set[str]:
    reached = {name for name, weight in policy.named_parameters() if weight.grad is not None and weight.grad.any()}
    return {name.split(".")[0] for name in reached}


@EVERY_CORE
def test_the_location_network_and_the_baseline_do_not_shape_the_hidden_state(core: str) -> None:
    policy = make_policy(core)
    hidden = policy.unroll(play(policy).observations)
    policy.location_mean(hidden).sum().backward()
    assert parts_with_gradient(policy) == {"location_network"}
    policy.zero_grad()
    policy.value(hidden).sum().backward()
    assert parts_with_gradient(policy) == {"baseline"}


@EVERY_CORE
def test_the_classification_shapes_the_core_back_to_the_first_glimpse(core: str) -> None:
    policy = make_policy(core)
    observations = {key: seen.requires_grad_() for key, seen in play(policy).observations.items()}
    policy.logits(policy.unroll(observations)[-1]).square().sum().backward()
    assert parts_with_gradient(policy) == {"glimpse_network", "core", "classifier"}
    gradient = observations["glimpse"].grad
    assert gradient is not None
    assert gradient.flatten(1).any(1).all()


def test_the_parameter_groups_hold_each_weight_once() -> None:
    policy = make_policy()
    seeing, looking = policy.parameter_groups()
    names = {weight: name for name, weight in policy.named_parameters()}
    assert sorted(names[weight] for weight in seeing + looking) == sorted(names.values())
    assert {names[weight].split(".")[0] for weight in looking} == {"location_network", "baseline"}


def test_log_prob_is_that_of_a_gaussian() -> None:
    policy = make_policy()
    for std in (0.05, 0.3, 1.0):
        policy.location_std.fill_(std)
        mean, locations = torch.rand(3, N, 2), torch.randn(3, N, 2)
        expected = Independent(Normal(mean, std), 1).log_prob(locations)
        torch.testing.assert_close(policy.log_prob(locations, mean), expected, rtol=1e-5, atol=1e-5)


def test_the_standard_deviation_is_not_learnt_but_saved() -> None:
    policy = make_policy()
    assert "location_std" not in dict(policy.named_parameters())
    assert "location_std" in policy.state_dict()


@pytest.mark.parametrize(
    ("glimpse", "location"),
    [
        ((1, 8, 7), (2,)),
        ((2, 8, 8), (2,)),
        ((8, 8), (2,)),
        ((1, 8, 8), (3,)),
        ((1, 8, 8), ()),
        ((N, 1, 8, 8), (2,)),
        ((N, 1, 8, 8), (N + 1, 2)),
        ((N, 1, 8, 8), (N, 3)),
        ((N, 1, 8, 8), (1, N, 2)),
    ],
)
def test_observations_of_another_shape_are_refused(glimpse: tuple[int, ...], location: tuple[int, ...]) -> None:
    observation = {"glimpse": np.zeros(glimpse, np.float32), "location": np.zeros(location, np.float32)}
    with pytest.raises(ValueError, match=re.escape("expected glimpses of shape (1, 8, 8)")):
        make_policy().predict(observation)


@pytest.mark.parametrize("shape", [(N + 1, H), (N, H + 1), (H,), (N, 2 * H), (5,), (N // 2, 2 * H)])
def test_states_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected a state"):
        make_policy().predict(observe(), np.zeros(shape, np.float32))


@pytest.mark.parametrize("count", [2, N - 1, N + 1])
def test_episode_starts_of_another_shape_are_refused(count: int) -> None:
    policy = make_policy()
    with pytest.raises(ValueError, match="episode_start"):
        policy.predict(observe(), np.zeros((N, H), np.float32), np.zeros(count, bool))


def test_other_spaces_are_refused() -> None:
    seen, said = observation_space(1, Retina(8, 1)), action_space(10)
    with pytest.raises(ValueError, match="observation space of a glimpse environment"):
        RAMPolicy(spaces.Box(0, 1, (4,)), said)
    with pytest.raises(ValueError, match="observation space of a glimpse environment"):
        RAMPolicy(spaces.Dict(glimpse=seen["glimpse"]), said)
    discrete = glimpse_env.DiscreteActions(gym.make("GlimpseDigits-v0"), grid=3)
    with pytest.raises(ValueError, match="action space of a glimpse environment"):
        RAMPolicy(seen, discrete.action_space)


def test_an_unknown_core_is_refused() -> None:
    with pytest.raises(ValueError, match="Did you mean 'gru'"):
        make_policy("grru")


def test_glimpses_of_several_scales_and_colours_fit() -> None:
    env = gym.make("GlimpseDigits-v0", num_scales=3, glimpse_size=5)
    policy = RAMPolicy(env.observation_space, env.action_space, hidden_size=H, what_size=8, where_size=8)
    observation, _ = env.reset(seed=0)
    state, ended = None, False
    while not ended:
        action, state = policy.predict(observation, state)
        observation, _, ended, _, info = env.step(action)
    assert info["prediction"] == action[2:].argmax()


def test_a_sure_classifier_is_not_clipped_into_a_tie() -> None:
    """The environment clips logits at 20: two that are larger must not become equal."""
    policy = make_policy()
    hidden = torch.zeros(1, policy.core.hidden_size)
    with torch.no_grad():
        policy.classifier.bias.copy_(torch.arange(10.0) * 7)
    logits = policy.logits(hidden)
    assert logits.argmax().item() == 9
    assert logits.clamp(-20, 20).argmax().item() == 9
    torch.testing.assert_close(logits.clamp(-20, 20).softmax(-1), policy.classifier.bias[None].softmax(-1))
