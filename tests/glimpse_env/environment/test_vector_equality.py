"""A vector environment does what as many single environments do, and in torch what it does in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.glimpse_env.environment.playing_vectors import (
    CLUTTERED,
    PLAIN,
    N,
    T,
    as_numpy,
    assert_same,
    assert_same_types,
    native,
    play,
    sample,
)


def singles(env_id: str = PLAIN, num_envs: int = N, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    makers = [lambda: gym.make(env_id, **arguments)] * num_envs
    return SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime", None])
@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        (PLAIN, {}),
        (PLAIN, {"split": "test", "num_glimpses": 1, "num_scales": 3, "initial_location": (0.5, -0.5)}),
        (PLAIN, {"canvas_size": 33, "glimpse_size": 7, "num_glimpses": 2}),
        (PLAIN, {"canvas_size": 40, "num_distractors": 4, "context_size": 9}),
        (CLUTTERED, {"num_glimpses": 3}),
        (CLUTTERED, {"split": "test", "num_glimpses": 3, "num_scales": 2}),
    ],
)
def test_vector_is_many_singles(env_id: str, arguments: dict[str, Any], reward: str | None) -> None:
    mine, others = (make(env_id, reward=reward, **arguments) for make in (native, singles))
    actions = sample(3 * arguments.get("num_glimpses", T) + 1)
    for kwargs in ({"seed": 7}, {"seed": [4, 4, 0, 9, 123456789]}, {}, {"options": {"index": np.arange(N)}}):
        if "options" in kwargs:
            # SyncVectorEnv would give the whole array to each of them.
            with pytest.raises(TypeError, match="expected index to be an integer, got array"):
                others.reset(**kwargs)
            continue
        got, expected = play(mine, actions, **kwargs), play(others, actions, **kwargs)
        assert_same(got, expected)
        assert_same_types(got, expected)


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    num_envs=st.integers(1, 9),
    num_glimpses=st.integers(1, 4),
    glimpse_size=st.integers(1, 9),
    num_scales=st.integers(1, 3),
    clutter=st.sampled_from([{}, {"canvas_size": 28}, {"canvas_size": 41, "num_distractors": 3}]),
    reward=st.sampled_from(["hard", "entropy", "information", "anytime"]),
    reward_weight=st.floats(-2, 2),
    split=st.sampled_from(["train", "test"]),
    seed=st.integers(0, 2**40),
)
def test_vector_is_many_singles_for_any_arguments(
    num_envs: int, num_glimpses: int, clutter: dict[str, int], seed: int, **arguments: Any
) -> None:
    arguments |= clutter
    mine, others = (make(PLAIN, num_envs, num_glimpses=num_glimpses, **arguments) for make in (native, singles))
    actions = sample(2 * num_glimpses + 1, num_envs, seed=seed)
    assert_same(play(mine, actions, seed=seed), play(others, actions, seed=seed))


def test_chosen_images_as_in_single_environments() -> None:
    index = np.array([359, 0, 7, 7, 12])
    for env_id in (PLAIN, CLUTTERED):
        envs = native(env_id, split="test", reward="information")
        single = [gym.make(env_id, split="test", reward="information") for _ in range(N)]
        actions = sample(T)
        for seed in (3, None):
            first, *steps = play(envs, actions, seed=seed, options={"index": index})
            assert_same(first[1]["index"], index)
            for number, env in enumerate(single):
                observation, _ = env.reset(
                    seed=None if seed is None else seed + number, options={"index": int(index[number])}
                )
                assert_same({key: value[number] for key, value in first[0].items()}, observation)
                for action, step in zip(actions[:, number], steps, strict=True):
                    observation, reward, terminated, _, info = env.step(action)
                    assert step[1][number] == reward
                    if terminated:
                        assert_same(step[4]["final_obs"][number], observation)
                        assert {key: step[4]["final_info"][key][number] for key in info} == info
                    else:
                        assert_same({key: value[number] for key, value in step[0].items()}, observation)
                env.reset()  # as the vector environment has done


def test_resuming_at_an_episode() -> None:
    envs, resumed = native(CLUTTERED, num_glimpses=2), native(CLUTTERED, num_glimpses=2)
    actions = sample(8)
    walk = play(envs, actions, seed=3)
    first = resumed.reset(seed=3, options={"episode": 2})
    assert_same(first[0], walk[4][0])
    assert_same(first[1]["index"], walk[4][4]["index"])
    assert_same([resumed.step(action) for action in actions[4:]], walk[5:])


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime", None])
@pytest.mark.parametrize("env_id", [PLAIN, CLUTTERED])
def test_torch_is_numpy(env_id: str, reward: str | None) -> None:
    actions = sample(2 * T + 1)
    expected = play(native(env_id, reward=reward), actions, seed=1)
    got = play(native(env_id, reward=reward, device="cpu"), torch.from_numpy(actions), seed=1)
    for mine, others in zip(as_numpy(got), expected, strict=True):
        if "final_obs" in others[-1]:
            final = others[-1]["final_obs"]
            others[-1]["final_obs"] = {key: np.stack([one[key] for one in final]) for key in final[0]}
        if len(others) == 5:
            assert mine[1].dtype == np.float32
            assert others[1].dtype == np.float64
        assert_same(mine, others)


def test_torch_mode_gives_tensors_on_the_device_only() -> None:
    envs = native(device=torch.device("cpu"), reward="entropy")

    def check(value: Any) -> None:
        if isinstance(value, Mapping):
            for part in value.values():
                check(part)
        else:
            assert isinstance(value, torch.Tensor)
            assert value.device == torch.device("cpu")
            assert len(value) == N

    observations, infos = envs.reset(seed=0, options={"index": torch.arange(N)})
    check(observations)
    check(infos)
    assert infos["index"].tolist() == list(range(N))
    for action in torch.from_numpy(sample(T)):
        for part in envs.step(action):
            check(part)


def test_torch_mode_takes_part_in_no_gradient() -> None:
    envs = native(device="cpu", reward="information")
    envs.reset(seed=0)
    action = torch.from_numpy(sample(1)[0]).requires_grad_()
    observations, rewards, *_ = envs.step(action)
    assert not rewards.requires_grad
    assert not observations["location"].requires_grad


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("env_id", [PLAIN, CLUTTERED])
def test_cuda_is_cpu(env_id: str) -> None:
    actions = torch.from_numpy(sample(2 * T + 1))
    expected = as_numpy(play(native(env_id, device="cpu"), actions, seed=1))
    got = play(native(env_id, device="cuda"), actions.cuda(), seed=1)
    assert all(value.is_cuda for value in got[0][0].values())
    assert_same(as_numpy(got), expected)
