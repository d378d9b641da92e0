"""Environments by id and arguments: read from environments, made again, and refused where a wrapper would be lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import RecordEpisodeStatistics, TimeLimit
from gymnasium.wrappers.vector import RecordEpisodeStatistics as VectorRecordEpisodeStatistics
from stable_baselines3.common.monitor import Monitor

import glimpse_env
from agents import GlimpseVecEnv
from agents.environments import EnvironmentSpec, num_envs_of, read_environment
from glimpse_env.reward_wrappers import EntropyShapedReward, VectorInformationGainReward

ID = "GlimpseDigits-v0"


def make_vec(num_envs: int = 3, **arguments: Any) -> Any:
    return gym.make_vec(ID, num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments)


def test_only_vector_environments_have_a_number_of_sub_environments() -> None:
    assert num_envs_of(make_vec(5)) == num_envs_of(GlimpseVecEnv(make_vec(5))) == 5
    assert num_envs_of(ID) is num_envs_of(gym.make(ID)) is None


@pytest.mark.parametrize("env_id", [ID, "glimpse_env:GlimpseDigits-v0"])
def test_an_id_is_enough(env_id: str) -> None:
    spec = read_environment(env_id)
    assert spec == EnvironmentSpec(env_id, {})
    assert spec.make().unwrapped.world.dataset.name == "digits"  # type: ignore[attr-defined]
    assert spec.make_vec(4).num_envs == 4


ARGUMENTS: dict[str, Any] = {
    "reward": "entropy",
    "reward_weight": 0.25,
    "num_glimpses": 3,
    "glimpse_size": 5,
    "split": "test",
}


@pytest.mark.parametrize("make", [lambda: gym.make(ID, **ARGUMENTS), lambda: make_vec(**ARGUMENTS)])
def test_arguments_are_kept(make: Any) -> None:
    spec = read_environment(make())
    assert spec.env_id == ID
    assert {name: spec.arguments[name] for name in ARGUMENTS} == ARGUMENTS
    mine, given = spec.make_vec(3), make_vec(**ARGUMENTS)
    assert mine.single_observation_space == given.single_observation_space
    mine.reset(seed=1)
    given.reset(seed=1)
    for actions in np.random.default_rng(0).normal(size=(3, 3, 12)).astype(np.float32):
        np.testing.assert_array_equal(mine.step(actions)[1], given.step(actions)[1])


def test_what_the_agent_decides_itself_is_left_out() -> None:
    for env in (
        make_vec(device="cpu", render_mode="rgb_array"),
        gym.make(ID, render_mode="rgb_array"),
    ):
        assert not {"num_envs", "vectorization_mode", "device", "render_mode"} & set(read_environment(env).arguments)


def test_a_data_folder_becomes_a_string(tmp_path: Path) -> None:
    assert read_environment(gym.make(ID, data_dir=tmp_path)).arguments["data_dir"] == str(tmp_path)


@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime", None])
def test_every_reward_is_kept(reward: str | None) -> None:
    for env in (gym.make(ID, reward=reward), make_vec(reward=reward)):
        assert read_environment(env).arguments["reward"] == reward


def test_overrides_win() -> None:
    spec = EnvironmentSpec(ID, {"num_glimpses": 3, "split": "train"})
    env: Any = spec.make(split="test")
    assert env.unwrapped.world.config.split == "test"
    assert env.unwrapped.world.config.num_glimpses == 3
    envs: Any = spec.make_vec(2, num_glimpses=4)
    assert envs.unwrapped.world.config.num_glimpses == 4


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (lambda: TimeLimit(gym.make(ID), 3), "TimeLimit"),
        (lambda: glimpse_env.DiscreteActions(gym.make(ID), grid=3), "DiscreteActions"),
        (lambda: glimpse_env.VectorDiscreteActions(make_vec(), grid=3), "VectorDiscreteActions"),
    ],
)
def test_wrappers_that_would_be_lost_are_refused(wrap: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"agents make their environment anew, and {name} would be lost"):
        read_environment(wrap())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda: Monitor(gym.make(ID, num_glimpses=3)),
        lambda: RecordEpisodeStatistics(gym.make(ID, num_glimpses=3)),
        lambda: VectorRecordEpisodeStatistics(make_vec(num_glimpses=3)),
        lambda: GlimpseVecEnv(make_vec(num_glimpses=3)),
    ],
)
def test_what_only_watches_is_left_out(wrap: Any) -> None:
    spec = read_environment(wrap())
    assert (spec.env_id, spec.arguments["num_glimpses"]) == (ID, 3)


def test_what_would_be_lost_is_refused_inside_an_adapter_as_well() -> None:
    with pytest.raises(ValueError, match="VectorDiscreteActions would be lost"):
        read_environment(GlimpseVecEnv(glimpse_env.VectorDiscreteActions(make_vec(), grid=3)))


@pytest.mark.parametrize("reward", ["hard", None])
def test_a_reward_by_hand_would_be_lost_as_well(reward: str | None) -> None:
    with pytest.raises(ValueError, match="EntropyShapedReward would be lost"):
        read_environment(EntropyShapedReward(gym.make(ID, reward=reward)))
    with pytest.raises(ValueError, match="VectorInformationGainReward would be lost"):
        read_environment(VectorInformationGainReward(make_vec(reward=reward)))


@pytest.mark.parametrize("env", [None, 3, object(), gym.make])
def test_what_is_no_environment_is_refused(env: Any) -> None:
    with pytest.raises(TypeError, match="expected an environment or its id, got"):
        read_environment(env)


@pytest.mark.parametrize(
    "make",
    [
        lambda: gym.make("CartPole-v1"),
        lambda: gym.make_vec(ID, num_envs=2, vectorization_mode="sync"),
        lambda: glimpse_env.GlimpseEnv(dataset="digits"),
    ],
)
def test_other_environments_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"expected a glimpse environment that gym\.make or gym\.make_vec made"):
        read_environment(make())


def test_the_window_around_an_environment_is_left_out() -> None:
    env = gym.make("GlimpseDigits-v0", num_glimpses=3, render_mode="human")
    assert read_environment(env) == EnvironmentSpec("GlimpseDigits-v0", {"dataset": "digits", "num_glimpses": 3})


@pytest.mark.parametrize("mode", ["next_step", "disabled"])
def test_other_autoreset_modes_are_refused(mode: str) -> None:
    for use in (read_environment, GlimpseVecEnv):
        with pytest.raises(
            ValueError, match=f"expected an environment with autoreset_mode=\"same_step\", got '{mode}'"
        ):
            use(make_vec(autoreset_mode=mode))  # type: ignore[operator]


def test_the_autoreset_mode_of_agents_may_be_named() -> None:
    spec = read_environment(make_vec(autoreset_mode="same_step"))
    assert spec.make().unwrapped.world.dataset.name == "digits"  # type: ignore[attr-defined]
    GlimpseVecEnv(make_vec(autoreset_mode="same_step"))
