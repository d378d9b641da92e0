"""Reward wrappers: what episodes earn, by hand and in closed form, and which environments are refused."""

from __future__ import annotations

import copy
import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import SyncVectorEnv, VectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import glimpse_env
from glimpse_env import (
    AnytimeReward,
    DiscreteActions,
    EntropyShapedReward,
    HardAttentionReward,
    InformationGainReward,
    VectorAnytimeReward,
    VectorDiscreteActions,
    VectorEntropyShapedReward,
    VectorHardAttentionReward,
    VectorInformationGainReward,
    load_dataset,
    registration,
    rewards,
)

LOG10 = math.log(10)
SINGLE = [HardAttentionReward, EntropyShapedReward, InformationGainReward, AnytimeReward]
VECTOR = [VectorHardAttentionReward, VectorEntropyShapedReward, VectorInformationGainReward, VectorAnytimeReward]
SHAPED = [*SINGLE[1:], *VECTOR[1:]]


def bare(**arguments: Any) -> gym.Env[Any, Any]:
    return gym.make("GlimpseDigits-v0", reward=None, **arguments)


def bare_vector(num_envs: int = 2, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    return gym.make_vec("GlimpseDigits-v0", num_envs=num_envs, reward=None, **arguments)


def action_of(probabilities: dict[int, float]) -> np.ndarray:
    """An action that believes in these classes so much, and equally in the rest."""
    rest = (1 - sum(probabilities.values())) / (10 - len(probabilities))
    action = np.zeros(12, np.float32)
    action[2:] = [math.log(probabilities.get(label, rest)) for label in range(10)]
    return action


def earn(env: gym.Env[Any, Any], actions: Any, index: int) -> list[float]:
    env.reset(seed=0, options={"index": index})
    return [float(env.step(action)[1]) for action in actions]


def earn_vector(envs: VectorEnv[Any, Any, Any], actions: np.ndarray, index: int) -> list[float]:
    """As the second of two sub-environments; the first has another image and states other beliefs."""
    envs.reset(seed=0, options={"index": np.array([index + 1, index])})
    other = np.random.default_rng(0).normal(size=actions.shape).astype(np.float32)
    return [float(envs.step(np.stack([a, b]))[1][1]) for a, b in zip(other, actions, strict=True)]


def entropy(probability: float) -> float:
    rest = (1 - probability) / 9
    return -probability * math.log(probability) - 9 * rest * math.log(rest)


INDEX = 4
LABEL = int(load_dataset("digits").labels[INDEX])
WRONG = (LABEL + 1) % 10
# Unsure, then sure and correct, then sure and wrong, and in the end correct.
BELIEFS = [(LABEL, 0.2), (LABEL, 0.9), (WRONG, 0.9), (LABEL, 0.6)]
ACTIONS = np.stack([action_of({label: probability}) for label, probability in BELIEFS])
ENTROPIES = [LOG10] + [entropy(probability) for _, probability in BELIEFS]
LOG_PROBABILITIES = [-LOG10] + [math.log(p if label == LABEL else (1 - p) / 9) for label, p in BELIEFS]
HARD = [0, 0, 0, 1]
EXPECTED = {
    "hard": HARD,
    "entropy": [h + 0.5 * (a - b) for h, a, b in zip(HARD, ENTROPIES, ENTROPIES[1:], strict=False)],
    "information": [h + 0.5 * (b - a) for h, a, b in zip(HARD, LOG_PROBABILITIES, LOG_PROBABILITIES[1:], strict=False)],
    "anytime": [h + 0.5 * (b + LOG10) for h, b in zip(HARD, LOG_PROBABILITIES[1:], strict=True)],
}


@pytest.mark.parametrize("reward", EXPECTED)
def test_an_episode_by_hand(reward: str) -> None:
    env = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=4)
    for _ in range(2):
        np.testing.assert_allclose(earn(env, ACTIONS, INDEX), EXPECTED[reward], atol=2e-6)


@pytest.mark.parametrize("reward", EXPECTED)
@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_vector_episode_by_hand(reward: str, device: str | None) -> None:
    envs = gym.make_vec("GlimpseDigits-v0", num_envs=2, reward=reward, num_glimpses=4, device=device)
    for _ in range(2):
        np.testing.assert_allclose(earn_vector(envs, ACTIONS, INDEX), EXPECTED[reward], atol=2e-6)


def test_a_wrong_answer_by_hand() -> None:
    actions = ACTIONS[:3]
    for reward, total in [
        ("hard", 0.0),
        ("entropy", 0.5 * (LOG10 - entropy(0.9))),
        ("information", 0.5 * (math.log(0.1 / 9) + LOG10)),
        ("anytime", 0.5 * (math.log(0.2) + math.log(0.9) + math.log(0.1 / 9) + 3 * LOG10)),
    ]:
        env = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=3)
        assert sum(earn(env, actions, INDEX)) == pytest.approx(total, abs=3e-6)
        envs = gym.make_vec("GlimpseDigits-v0", num_envs=2, reward=reward, num_glimpses=3)
        assert sum(earn_vector(envs, actions, INDEX)) == pytest.approx(total, abs=3e-6)


def test_staying_undecided_earns_nothing_on_the_way() -> None:
    for reward in ("entropy", "information", "anytime"):
        env = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=4)
        # With equal logits, the first class counts as the most believed.
        assert earn(env, np.zeros((4, 12), np.float32), INDEX) == pytest.approx([0, 0, 0, float(LABEL == 0)], abs=1e-6)


logits = arrays(np.float32, (3, 12), elements=st.floats(-25, 25, width=32))


def log_belief(action: np.ndarray) -> np.ndarray:
    clipped = action[2:].astype(np.float64).clip(-20, 20)
    return clipped - clipped.max() - np.log(np.exp(clipped - clipped.max()).sum())


@settings(deadline=None, max_examples=60)
@given(logits, st.floats(-3, 3), st.integers(0, 1000))
def test_sums_in_closed_form(actions: np.ndarray, weight: float, index: int) -> None:
    label = int(load_dataset("digits").labels[index])
    log_p = log_belief(actions[-1])
    soon = sum(log_belief(action)[label] + LOG10 for action in actions)
    hard = float(actions[-1, 2:].clip(-20, 20).argmax() == label)
    closed_forms = {
        "hard": hard,
        "entropy": hard + weight * (LOG10 + (np.exp(log_p) * log_p).sum()),
        "information": hard + weight * (log_p[label] + LOG10),
        "anytime": hard + weight * soon,
    }
    for reward, expected in closed_forms.items():
        arguments: dict[str, Any] = {"reward": reward, "reward_weight": weight, "num_glimpses": 3}
        env = glimpse_env.registration.make_env(dataset="digits", **arguments)
        assert sum(earn(env, actions, index)) == pytest.approx(expected, abs=1e-4)
        envs = glimpse_env.registration.make_vector_env(dataset="digits", num_envs=2, **arguments)
        assert sum(earn_vector(envs, actions, index)) == pytest.approx(expected, abs=1e-4)


def test_the_first_belief_is_uniform_in_each_episode() -> None:
    for reward in ("entropy", "information", "anytime"):
        env = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=4)
        whole = earn(env, ACTIONS, INDEX)
        env.reset(options={"index": INDEX})
        env.step(ACTIONS[1])  # and breaks off
        assert earn(env, ACTIONS, INDEX) == whole
        envs = gym.make_vec("GlimpseDigits-v0", num_envs=2, reward=reward, num_glimpses=4)
        whole = earn_vector(envs, ACTIONS, INDEX)
        envs.step(np.stack([ACTIONS[1], ACTIONS[2]]))
        assert earn_vector(envs, ACTIONS, INDEX) == whole


def test_other_numbers_of_classes() -> None:
    images = np.zeros((3, 9, 9), np.uint8)
    glimpse_env.register_dataset("three", lambda split, data_dir: (images, np.arange(3), ["a", "b", "c"]))
    for reward, total in [
        ("entropy", math.log(3)),
        ("information", math.log(3)),
        ("anytime", math.log(3)),
        ("hard", 0.0),
    ]:
        env = gym.make("Glimpse-v0", dataset="three", reward=reward, num_glimpses=1, reward_weight=1)
        action = np.array([0, 0, -20, 20, -20], np.float32)
        assert earn(env, [action], 1) == pytest.approx([1 + total], abs=1e-5)


def test_rewards_are_plain_numbers() -> None:
    for reward in EXPECTED:
        env = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=2)
        env.reset(seed=0)
        assert [type(env.step(ACTIONS[0])[1]) for _ in range(2)] == [float, float]
        envs = gym.make_vec("GlimpseDigits-v0", num_envs=2, reward=reward, num_glimpses=2)
        envs.reset(seed=0)
        assert {envs.step(ACTIONS[:2])[1].dtype for _ in range(2)} == {np.dtype(np.float64)}
        torch_envs = gym.make_vec("GlimpseDigits-v0", num_envs=2, reward=reward, num_glimpses=2, device="cpu")
        torch_envs.reset(seed=0)
        assert {torch_envs.step(torch.from_numpy(ACTIONS[:2]))[1].dtype for _ in range(2)} == {torch.float32}


def test_wrapping_by_hand_is_what_the_ids_do() -> None:
    for wrapper, vector_wrapper, reward in zip(SINGLE, VECTOR, EXPECTED, strict=True):
        env, by_id = wrapper(bare()), gym.make("GlimpseDigits-v0", reward=reward)
        actions = np.concatenate([ACTIONS, ACTIONS[:2]])
        assert earn(env, actions, INDEX) == earn(by_id, actions, INDEX)
        envs, by_vector_id = vector_wrapper(bare_vector()), gym.make_vec("GlimpseDigits-v0", num_envs=2, reward=reward)
        assert earn_vector(envs, actions, INDEX) == earn_vector(by_vector_id, actions, INDEX)


def test_weights() -> None:
    for weight in (0, 2, -1.5, np.float32(0.25), np.int64(3)):
        got = earn(EntropyShapedReward(bare(num_glimpses=4), weight=weight), ACTIONS, INDEX)  # type: ignore[arg-type]
        expected = [h + float(weight) * (e - h) / 0.5 for h, e in zip(HARD, EXPECTED["entropy"], strict=True)]
        np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize("wrapper", SHAPED)
@pytest.mark.parametrize(
    "weight", [math.nan, math.inf, -math.inf, 1e39, -1e39, 1000001, 10**400, "0.5", True, None, [0.5], 1j]
)
def test_weights_that_make_no_sense(wrapper: Any, weight: Any) -> None:
    env = bare_vector() if wrapper in VECTOR else bare()
    error = ValueError if type(weight) in (float, int) else TypeError
    with pytest.raises(error, match=r"weight to be a number in \[-1000000, 1000000\], got"):
        wrapper(env, weight=weight)


@pytest.mark.parametrize("wrapper", SHAPED)
@pytest.mark.parametrize("weight", [-1e6, 1e6])
def test_rewards_of_the_largest_weights_are_finite(wrapper: Any, weight: float) -> None:
    if wrapper in VECTOR:
        assert np.isfinite(earn_vector(wrapper(bare_vector(), weight=weight), ACTIONS, INDEX)).all()
    else:
        assert np.isfinite(earn(wrapper(bare(), weight=weight), ACTIONS, INDEX)).all()


@pytest.mark.parametrize("weight", [math.nan, math.inf, "0.5"])
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_ids_refuse_weights_that_make_no_sense(make: Any, weight: Any) -> None:
    error = ValueError if isinstance(weight, float) else TypeError
    with pytest.raises(error, match=r"weight to be a number in"):
        make("GlimpseDigits-v0", reward="entropy", reward_weight=weight)


@pytest.mark.parametrize("wrapper", SINGLE)
def test_rewards_go_below_discrete_actions(wrapper: Any) -> None:
    with pytest.raises(ValueError, match=r"MultiDiscrete.*DiscreteActions goes around all rewards"):
        wrapper(DiscreteActions(bare(), grid=3))


@pytest.mark.parametrize("wrapper", VECTOR)
def test_vector_rewards_go_below_discrete_actions(wrapper: Any) -> None:
    with pytest.raises(ValueError, match=r"MultiDiscrete.*DiscreteActions goes around all rewards"):
        wrapper(VectorDiscreteActions(bare_vector(), grid=3))


@pytest.mark.parametrize("wrapper", SINGLE)
def test_rewards_need_a_glimpse_environment(wrapper: Any) -> None:
    with pytest.raises(ValueError, match="expected a glimpse environment"):
        wrapper(gym.make("Pendulum-v1"))


@pytest.mark.parametrize("wrapper", VECTOR)
def test_vector_rewards_need_a_glimpse_environment(wrapper: Any) -> None:
    with pytest.raises(ValueError, match="expected a glimpse environment"):
        wrapper(gym.make_vec("Pendulum-v1", num_envs=2, vectorization_mode="sync"))
    with pytest.raises(ValueError, match="expected a glimpse environment"):
        wrapper(SyncVectorEnv([bare, bare]))


def test_other_wrappers_may_lie_in_between() -> None:
    class Clip(gym.Wrapper[Any, Any, Any, Any]):
        pass

    assert earn(HardAttentionReward(Clip(bare(num_glimpses=4))), ACTIONS, INDEX) == HARD


def test_constructor_arguments_are_recorded() -> None:
    env = InformationGainReward(bare(), weight=0.125)
    assert env.spec is not None
    again = gym.make(env.spec)
    assert str(again).count("InformationGainReward") == 1
    assert earn(again, ACTIONS, INDEX) == earn(env, ACTIONS, INDEX)


def test_the_outermost_reward_is_paid() -> None:
    hard_below = gym.make("GlimpseDigits-v0", num_glimpses=4)
    assert earn(EntropyShapedReward(hard_below), ACTIONS, INDEX) == pytest.approx(EXPECTED["entropy"], abs=2e-6)
    entropy_below = gym.make("GlimpseDigits-v0", num_glimpses=4, reward="entropy")
    assert earn(HardAttentionReward(entropy_below), ACTIONS, INDEX) == HARD


def test_below_the_reward_nothing_is_paid() -> None:
    env = gym.make("GlimpseDigits-v0", reward="entropy", num_glimpses=4)
    assert earn(env.unwrapped, ACTIONS, INDEX) == [0, 0, 0, 0]
    envs = gym.make_vec("GlimpseDigits-v0", num_envs=2, reward="entropy", num_glimpses=4)
    assert earn_vector(envs.unwrapped, ACTIONS, INDEX) == [0, 0, 0, 0]


@pytest.mark.parametrize("reward", EXPECTED)
def test_a_copy_of_an_environment_pays_for_itself(reward: str) -> None:
    env = gym.make("GlimpseDigits-v0", reward=reward, num_glimpses=4)
    env.reset(seed=0, options={"index": INDEX})
    env.step(ACTIONS[0])
    copied = copy.deepcopy(env)
    env.step(ACTIONS[3])
    assert [copied.step(action)[1] for action in ACTIONS[1:]] == pytest.approx(EXPECTED[reward][1:], abs=2e-6)


def test_every_reward_function_has_a_wrapper_and_a_twin_that_set_it() -> None:
    assert list(registration.REWARDS) == list(rewards.REWARDS)
    for name, (wrapper, vector_wrapper) in registration.REWARDS.items():
        assert wrapper(bare()).unwrapped.world.reward == rewards.REWARDS[name]
        assert vector_wrapper(bare_vector()).unwrapped.world.reward == rewards.REWARDS[name]
