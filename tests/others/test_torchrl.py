"""TorchRL makes the ids as they are, steps the vector environment, and its PPO learns."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import glimpse_env  # noqa: F401  # registers the ids

torchrl_envs = pytest.importorskip("torchrl.envs", reason="needs TorchRL: run `make others`")

N, T = 4, 3


def make(mode: str, **arguments: Any) -> Any:
    return gym.make_vec(
        "GlimpseDigits-v0",
        N,
        vectorization_mode="vector_entry_point",
        num_glimpses=T,
        autoreset_mode=mode,
        **arguments,
    )


def test_an_id_is_enough() -> None:
    env = torchrl_envs.GymEnv("GlimpseDigits-v0", num_glimpses=T)
    env.set_seed(0)
    rollout = env.rollout(10)
    assert rollout.shape == (T,)
    assert rollout["next", "done"].flatten().tolist() == [False] * (T - 1) + [True]


@pytest.mark.parametrize("reward", [None, "hard", "entropy"])
def test_a_rollout_of_the_vector_environment_is_what_it_gives_without_torchrl(reward: str | None) -> None:
    wrapped = torchrl_envs.GymWrapper(make("disabled", reward=reward))
    wrapped.set_seed(5)
    rollout = wrapped.rollout(2 * T, break_when_any_done=False)
    assert rollout.shape == (N, 2 * T)
    envs = make("disabled", reward=reward)
    envs.reset(seed=5)  # what set_seed does; the rollout then resets again
    for step in range(2 * T):
        if step % T == 0:
            observations, _ = envs.reset()
        for key in ("glimpse", "location"):
            np.testing.assert_array_equal(rollout[key][:, step].numpy(), observations[key])
        observations, rewards, terminations, *_ = envs.step(rollout["action"][:, step].numpy())
        np.testing.assert_allclose(rollout["next", "reward"][:, step, 0].numpy(), rewards, rtol=1e-6)
        np.testing.assert_array_equal(rollout["next", "done"][:, step, 0].numpy(), terminations)


def test_the_mode_is_read_from_environment_and_wrappers() -> None:
    torchrl_envs.GymWrapper(make("same_step"))
    for reward in (None, "hard"):
        with pytest.raises(RuntimeError, match="NEXT_STEP"):  # which TorchRL does not support
            torchrl_envs.GymWrapper(make("next_step", reward=reward))


def test_the_example_learns() -> None:
    from scripts.examples import torchrl_ppo

    returns = torchrl_ppo.main(num_iterations=16)
    assert np.mean(returns[-4:]) > np.mean(returns[:4])
