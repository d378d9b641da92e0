"""Stable-Baselines3's vector environment: what the native one does, told as Stable-Baselines3 wants it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

import glimpse_env
from agents import GlimpseVecEnv, make_sb3_env

ID = "GlimpseDigits-v0"
T, N = 6, 4


def native(**arguments: Any) -> Any:
    return gym.make_vec(ID, num_envs=N, vectorization_mode="vector_entry_point", **arguments)


def sample(count: int = 2 * T + 3) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, N, 12)).astype(np.float32)


def assert_same(one: Any, other: Any) -> None:
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], np.asarray(other[key]))


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime"])
def test_it_does_what_the_native_environment_does(reward: str, device: str | None) -> None:
    mine, other = GlimpseVecEnv(native(reward=reward, device=device)), native(reward=reward)
    mine.seed(7)
    seen: Any = mine.reset()
    expected, infos = other.reset(seed=7)
    assert_same(seen, expected)
    assert [info["index"] for info in mine.reset_infos] == infos["index"].tolist()
    returns = np.zeros(N)
    for step, actions in enumerate(sample()):
        seen, rewards, dones, told = mine.step(actions)
        expected, paid, ended, _, infos = other.step(actions)
        assert_same(seen, expected)
        np.testing.assert_allclose(rewards, paid, rtol=1e-6)
        np.testing.assert_array_equal(dones, ended)
        assert rewards.dtype == np.float32
        assert dones.dtype == np.bool_
        returns += paid
        if not ended.any():
            assert told == [{"TimeLimit.truncated": False}] * N
            continue
        assert [info["index"] for info in mine.reset_infos] == infos["index"].tolist()
        assert step % T == T - 1
        for number, info in enumerate(told):
            assert_same(info["terminal_observation"], infos["final_obs"][number])
            for key in ("label", "prediction", "is_success"):
                assert info[key] == infos["final_info"][key][number]
            assert isinstance(info["is_success"], bool)
            assert info["TimeLimit.truncated"] is False
            assert info["episode"]["r"] == pytest.approx(returns[number], abs=1e-5)
            assert info["episode"]["l"] == T
        returns[:] = 0


def test_a_seed_counts_once() -> None:
    env = GlimpseVecEnv(native())
    env.seed(1)
    first = env.reset()
    second = env.reset()
    assert not np.array_equal(first["glimpse"], second["glimpse"])
    env.seed(1)
    assert_same(env.reset(), first)


@pytest.mark.parametrize(("seed", "error"), [(1.7, TypeError), ("3", TypeError), (True, TypeError), (-1, ValueError)])
def test_a_seed_that_is_none_is_refused_at_once(seed: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="expected seed to be"):
        GlimpseVecEnv(native()).seed(seed)


def test_options_choose_images_once() -> None:
    env = GlimpseVecEnv(native(split="test"))
    env.seed(0)
    env.set_options([{"index": index} for index in (5, 3, 8, 300)])
    env.reset()
    assert [info["index"] for info in env.reset_infos] == [5, 3, 8, 300]
    env.reset()
    assert [info["index"] for info in env.reset_infos] != [5, 3, 8, 300]
    env.set_options({"index": 7})
    env.reset()
    assert [info["index"] for info in env.reset_infos] == [7] * N


def test_a_reset_in_the_middle_forgets_the_return() -> None:
    env = GlimpseVecEnv(native(reward="information"))
    env.seed(0)
    env.reset()
    env.step(sample()[0])
    env.reset()
    total = np.zeros(N)
    for actions in sample(T):
        _, rewards, _, told = env.step(actions)
        total += rewards
    assert [info["episode"]["l"] for info in told] == [T] * N
    assert [info["episode"]["r"] for info in told] == pytest.approx(total.tolist(), abs=1e-6)


def test_attributes_and_methods() -> None:
    env = GlimpseVecEnv(native(render_mode="rgb_array"))
    assert env.get_attr("render_mode", indices=[0, 2]) == ["rgb_array"] * 2
    assert env.env_is_wrapped(Monitor) == [True] * N
    assert env.env_is_wrapped(VecMonitor, indices=0) == [False]
    env.reset()
    assert len(env.env_method("render")) == N
    image = env.render()
    assert image is not None
    assert image.ndim == 3
    env.close()


@pytest.mark.filterwarnings("ignore:The environment is already wrapped with a `Monitor`")
def test_it_can_be_monitored_and_evaluated() -> None:
    env = GlimpseVecEnv(native())
    model = sb3.PPO("MultiInputPolicy", env, n_steps=T, batch_size=N * T, device="cpu", seed=0)
    rewards: Any
    rewards, lengths = evaluate_policy(model, env, 8, return_episode_rewards=True)
    assert lengths == [T] * 8
    assert set(rewards) <= {0.0, 1.0}
    monitored = VecMonitor(env)
    monitored.reset()
    for actions in sample(T):
        _, _, _, told = monitored.step(actions)
    assert [info["episode"]["l"] for info in told] == [T] * N


def learn(model: Any, folder: Path, steps: int = 20 * N * T) -> list[dict[str, str]]:
    model.set_logger(configure(str(folder), ["csv"]))
    model.learn(steps, log_interval=4)
    model.logger.close()
    with open(folder / "progress.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("algorithm", "arguments"), [(sb3.PPO, {"batch_size": N * T}), (sb3.A2C, {})])
def test_stable_baselines3_learns_on_it(algorithm: Any, arguments: dict[str, Any], tmp_path: Path) -> None:
    model = algorithm("MultiInputPolicy", make_sb3_env(ID, N), n_steps=T, device="cpu", seed=0, **arguments)
    for row in learn(model, tmp_path):
        assert row["rollout/ep_rew_mean"] == row["rollout/success_rate"], "so it is under the hard reward"
        assert float(row["rollout/ep_len_mean"]) == T


def test_soft_actor_critic_learns_on_it(tmp_path: Path) -> None:
    model = sb3.SAC(
        "MultiInputPolicy",
        make_sb3_env(ID, N, reward="information"),
        learning_starts=2 * N * T,
        buffer_size=1000,
        batch_size=16,
        policy_kwargs={"net_arch": [16]},
        device="cpu",
        seed=0,
    )
    rows = learn(model, tmp_path, 4 * N * T)
    assert np.isfinite(float(rows[-1]["rollout/ep_rew_mean"]))
    assert 0 <= float(rows[-1]["rollout/success_rate"]) <= 1


def test_categorical_policies_learn_on_discrete_actions(tmp_path: Path) -> None:
    wrapped = GlimpseVecEnv(glimpse_env.VectorDiscreteActions(native(), grid=3))
    assert wrapped.action_space == make_sb3_env(ID, N, grid=3).action_space == gym.spaces.MultiDiscrete([9, 10])
    model = sb3.PPO("MultiInputPolicy", wrapped, n_steps=T, batch_size=N * T, device="cpu", seed=0)
    rows = learn(model, tmp_path)
    assert 0 <= float(rows[-1]["rollout/success_rate"]) <= 1
    observation = wrapped.reset()
    actions, _ = model.predict(observation)
    assert actions.shape == (N, 2)


def test_recurrent_ppo_learns_on_it(tmp_path: Path) -> None:
    contrib = pytest.importorskip("sb3_contrib")
    model = contrib.RecurrentPPO(
        "MultiInputLstmPolicy",
        make_sb3_env(ID, N),
        n_steps=T,
        batch_size=N * T,
        n_epochs=1,
        policy_kwargs={"lstm_hidden_size": 16},
        device="cpu",
        seed=0,
    )
    rows = learn(model, tmp_path, 8 * N * T)
    assert float(rows[-1]["rollout/ep_len_mean"]) == T


def test_the_terminal_observation_is_the_episodes_own() -> None:
    last: Any
    for device in (None, "cpu"):
        env = GlimpseVecEnv(native(device=device))
        env.seed(0)
        env.reset()
        for actions in sample(T - 1):
            last, _, _, _ = env.step(actions)
        _, _, _, told = env.step(sample()[-1])
        for number, info in enumerate(told):
            assert all(isinstance(value, np.ndarray) for value in info["terminal_observation"].values())
            assert_same(info["terminal_observation"], {key: value[number] for key, value in last.items()})


def test_tensors_are_taken_as_well() -> None:
    one, other = GlimpseVecEnv(native(device="cpu")), GlimpseVecEnv(native())
    for env in (one, other):
        env.seed(0)
        env.reset()
    for actions in sample(T):
        seen, rewards, _, _ = one.step(torch.from_numpy(actions))  # type: ignore[arg-type]
        expected, paid, _, _ = other.step(actions)
        assert_same(seen, expected)
        np.testing.assert_allclose(rewards, paid, rtol=1e-6)
