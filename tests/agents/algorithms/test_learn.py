"""Learning with any algorithm: arguments, rewards, precision, seeds, steps, schedules, and the agent's environment."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy

import agents
from agents import PPO, REINFORCE, Algorithm, GlimpseVecEnv, Schedule
from agents.algorithms import devices
from tests.agents.making import (
    EVERY_ALGORITHM,
    EVERY_CORE,
    EVERY_REWARD,
    ID,
    ITERATION,
    SIZES,
    N,
    T,
    assert_same_weights,
    make_agent,
    make_envs,
    weights,
)


@EVERY_ALGORITHM
def test_learning_changes_every_weight(algorithm: type[Algorithm]) -> None:
    agent = make_agent(algorithm)
    before = weights(agent)
    assert agent.learn(2 * ITERATION) is agent
    unchanged = [name for name, weight in weights(agent).items() if torch.equal(weight, before[name])]
    assert unchanged == ["location_std"]
    assert all(weight.isfinite().all() for weight in weights(agent).values())


def test_it_learns_to_classify() -> None:
    agent = REINFORCE(
        ID,
        policy_kwargs={"hidden_size": 64, "what_size": 32, "where_size": 32},
        num_envs=64,
        learning_rate=3e-3,
        seed=0,
        device="cpu",
    )
    agent.learn(64 * T * 250)
    assert agent.recent_accuracy > 0.4, "a guess is correct one time in ten"


@EVERY_ALGORITHM
@EVERY_REWARD
def test_every_reward_can_be_learnt_from(algorithm: type[Algorithm], reward: str) -> None:
    agent = make_agent(algorithm, gym.make(ID, reward=reward))
    before = weights(agent)
    agent.learn(2 * ITERATION)
    assert not torch.equal(weights(agent)["location_network.linear.bias"], before["location_network.linear.bias"])


@EVERY_ALGORITHM
@EVERY_CORE
@pytest.mark.filterwarnings("ignore:cpu has no instructions for bfloat16")
def test_mixed_precision_learns_in_float32_weights(algorithm: type[Algorithm], core: str) -> None:
    agent = make_agent(algorithm, core=core, precision="bfloat16")
    before = weights(agent)
    agent.learn(2 * ITERATION)
    assert {weight.dtype for weight in weights(agent).values()} == {torch.float32}
    assert not torch.equal(weights(agent)["classifier.weight"], before["classifier.weight"])


def test_mixed_precision_warns_where_the_processor_only_emulates_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "CPU_INFO", tmp_path / "cpuinfo")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_agent(precision="bfloat16").learn(ITERATION)  # there is no such file, so nothing is known
        (tmp_path / "cpuinfo").write_text("flags: avx512_bf16", encoding="utf-8")
        make_agent(precision="bfloat16").learn(ITERATION)
        (tmp_path / "cpuinfo").write_text("flags: avx2", encoding="utf-8")
        make_agent(precision="float32").learn(ITERATION)
    with pytest.warns(UserWarning, match="cpu has no instructions for bfloat16") as caught:
        make_agent(precision="bfloat16").learn(ITERATION)
    # Other warnings may be among them: the garbage collector warns at any time of files that an earlier test left open.
    assert [warning.filename for warning in caught if warning.category is UserWarning] == [__file__]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@EVERY_ALGORITHM
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_learns_on_a_gpu_what_a_processor_can_use(algorithm: type[Algorithm], precision: str, tmp_path: Path) -> None:
    agent = make_agent(algorithm, device="cuda", precision=precision)
    world: Any = agent.env.unwrapped
    assert agent.learn(2 * ITERATION).device.type == world.device.type == world.world.canvases.device.type == "cuda"
    assert all(weight.is_cuda and weight.isfinite().all() for weight in weights(agent).values())
    agent.save(tmp_path / "agent")
    loaded = agents.load(tmp_path / "agent", device="cpu")
    assert_same_weights({name: weight.cpu() for name, weight in weights(agent).items()}, weights(loaded))
    observation, _ = agent.make_env(split="test").reset(seed=0)
    for mine, other in zip(
        agent.predict(observation, deterministic=True), loaded.predict(observation, deterministic=True), strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-3)
    assert loaded.learn(ITERATION, reset_num_timesteps=False).num_timesteps == 3 * ITERATION


def test_an_id_alone_is_enough() -> None:
    agent = REINFORCE("glimpse_env:GlimpseDigits-v0", policy_kwargs=SIZES, num_envs=2).learn(1)
    assert agent.num_timesteps == 2 * T
    assert agent.spec.environment.env_id == "glimpse_env:GlimpseDigits-v0"


@pytest.mark.parametrize("wrap", [lambda env: env, GlimpseVecEnv])
def test_a_vector_environment_sets_the_number_of_sub_environments(wrap: Any) -> None:
    env = wrap(make_envs(3))
    for settings in ({}, {"num_envs": 3}):
        agent = PPO("RAMPolicy", env, policy_kwargs=SIZES, device="cpu", **settings)
        assert agent.settings.num_envs == agent.env.num_envs == 3
        assert agent.learn(1).num_timesteps == 3 * T
    with pytest.raises(ValueError, match="expected num_envs to be that of the environment, 3, got 4"):
        PPO("RAMPolicy", env, num_envs=4)


def test_a_single_environment_leaves_the_number_of_sub_environments_alone() -> None:
    assert REINFORCE(gym.make(ID), device="cpu").settings.num_envs == REINFORCE(ID, device="cpu").settings.num_envs > 1


@pytest.mark.parametrize("policy", ["RAMPolicy", "MultiInputPolicy"])
def test_the_ten_lines_of_stable_baselines3(policy: str) -> None:
    agent = PPO(policy, gym.make(ID), num_envs=2, policy_kwargs=SIZES, verbose=0)
    agent.learn(total_timesteps=10)
    env = agent.make_env(split="test")
    observation, _ = env.reset(seed=0)
    state, ended, steps = None, False, 0
    while not ended:
        action, state = agent.predict(observation, state=state, deterministic=True)
        observation, _, ended, _, info = env.step(action)
        steps += 1
    assert steps == T
    assert info["prediction"] == action[2:].argmax()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"learning_rat": 0.1}, ValueError, "Unknown setting 'learning_rat'. Did you mean 'learning_rate'"),
        ({"n_epochs": 4}, ValueError, "Unknown setting 'n_epochs'"),
        ({"gae_lambda": 0.9}, ValueError, "Unknown setting 'gae_lambda'"),
        ({"gamma": 0.9}, ValueError, "Unknown setting 'gamma': gamma is 1 and rollouts are whole episodes"),
        ({"n_steps": 5}, ValueError, "Unknown setting 'n_steps': gamma is 1 and rollouts are whole episodes"),
        ({"num_envs": 0}, ValueError, "expected num_envs to be at least 1, got 0"),
        (
            {"learning_rate": "fast"},
            TypeError,
            "expected learning_rate to be a number, a first",
        ),
        ({"core": "lsmt"}, ValueError, "Unknown core 'lsmt'. Did you mean 'lstm'"),
        ({"env": 3}, TypeError, "expected an environment or its id, got 3"),
        ({"env": "GlimpseDigitz-v0"}, ValueError, "Did you mean 'GlimpseDigits-v0'"),
    ],
)
def test_bad_arguments_are_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make_agent(**changes)


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Unknown policy 'RAMPolic'\. Did you mean 'RAMPolicy'"):
        REINFORCE("RAMPolic", ID)
    with pytest.raises(ValueError, match="Unknown policy 'MlpPolicy'"):
        REINFORCE("MlpPolicy", ID)


def test_ppo_has_settings_of_its_own() -> None:
    with pytest.raises(ValueError, match="Did you mean 'n_epochs'"):
        make_agent(PPO, n_epoch=3)
    assert make_agent(PPO, n_epochs=3).settings.n_epochs == 3


@EVERY_ALGORITHM
def test_the_same_seed_gives_the_same_weights(algorithm: type[Algorithm]) -> None:
    one, other, third = (make_agent(algorithm, seed=seed) for seed in (5, 5, 6))
    assert_same_weights(weights(one), weights(other))
    for agent in (one, third):
        agent.learn(3 * ITERATION)
    torch.manual_seed(99)  # the global random numbers do not matter
    other.learn(3 * ITERATION)
    assert_same_weights(weights(one), weights(other))
    assert not torch.equal(weights(one)["classifier.weight"], weights(third)["classifier.weight"])


def test_making_an_agent_leaves_the_global_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    make_agent()
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_agents_differ() -> None:
    one, other = make_agent(seed=None), make_agent(seed=None)
    assert one.spec.seed != other.spec.seed
    assert not torch.equal(weights(one)["classifier.weight"], weights(other)["classifier.weight"])


def test_whole_iterations_are_learnt() -> None:
    agent = make_agent().learn(ITERATION + 1)
    assert agent.num_timesteps == 2 * ITERATION
    assert agent.num_rollouts == 2


def test_steps_are_counted_from_0_by_default() -> None:
    agent = make_agent().learn(2 * ITERATION)
    assert agent.learn(ITERATION).num_timesteps == ITERATION
    assert agent.learn(ITERATION, reset_num_timesteps=False).num_timesteps == 2 * ITERATION


def test_all_of_the_training_is_left_before_it_begins_and_nothing_after_it() -> None:
    agent = make_agent()
    assert agent.progress_remaining == 1
    assert agent.learn(ITERATION).progress_remaining == 0


def test_schedules_are_applied_in_each_iteration() -> None:
    class Watch(BaseCallback):
        def _on_step(self) -> bool:
            agent: Any = self.model
            seen.append((agent.optimizer.param_groups[0]["lr"], agent.policy.location_std.item()))
            return True

    seen: list[tuple[float, float]] = []
    agent = make_agent(learning_rate=Schedule(0.4, 0.0), location_std=Schedule(0.2, 0.1))
    agent.learn(4 * ITERATION, callback=Watch())
    rates, deviations = zip(*seen[::T], strict=True)
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert deviations == pytest.approx([0.2, 0.175, 0.15, 0.125])


def test_the_accuracy_is_that_of_the_weights_that_it_was_measured_with() -> None:
    agent = make_agent().learn(ITERATION)
    agent.accuracy = 0.5
    assert agent.learn(0).accuracy == 0.5
    assert agent.learn(ITERATION).accuracy is None


def test_using_the_environment_between_two_trainings_changes_nothing() -> None:
    plain, used = make_agent(), make_agent()
    plain.learn(2 * ITERATION).learn(2 * ITERATION, reset_num_timesteps=False)
    used.learn(2 * ITERATION)
    evaluate_policy(used, used.get_env(), 3)
    used.learn(2 * ITERATION, reset_num_timesteps=False)
    assert_same_weights(weights(plain), weights(used))


def test_the_agent_makes_environments_like_the_one_that_it_learns_in() -> None:
    agent = make_agent(env=gym.make(ID, reward="entropy", num_glimpses=3))
    env: Any = agent.make_env(split="test")
    assert env.unwrapped.world.config.num_glimpses == 3
    assert env.unwrapped.world.config.split == "test"
    envs: Any = agent.make_vec_env(7, split="test")
    assert envs.num_envs == 7
    assert envs.unwrapped.world.config.num_glimpses == 3
    assert agent.num_glimpses == 3
    assert agent.env.num_envs == N


def test_the_callers_environment_is_left_alone() -> None:
    env: Any = gym.make(ID)
    env.reset(seed=3)
    before = env.unwrapped.world.indices.clone()
    make_agent(env=env).learn(ITERATION)
    assert torch.equal(env.unwrapped.world.indices, before)
