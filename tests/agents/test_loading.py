"""Saving and loading agents: what comes back, where it can be used, and that writing is all or nothing."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import agents
from agents import A2C, REINFORCE, Algorithm, GlimpseVecEnv
from tests.agents.making import EVERY_ALGORITHM, EVERY_CORE, ID, ITERATION, make_agent, make_envs, observe


@pytest.fixture(scope="module")
def trained() -> Algorithm:
    return make_agent(core="gru").learn(3 * ITERATION)


@pytest.fixture
def path(trained: Algorithm, tmp_path: Path) -> Path:
    trained.save(tmp_path / "agent.zip")
    return tmp_path / "agent.zip"


@EVERY_CORE
@EVERY_ALGORITHM
def test_a_loaded_agent_does_what_the_saved_one_did(algorithm: type[Algorithm], core: str, tmp_path: Path) -> None:
    agent = make_agent(algorithm, core=core).learn(2 * ITERATION)
    agent.accuracy = 0.25
    agent.save(tmp_path / "agent")
    for loaded in (agents.load(tmp_path / "agent"), algorithm.load(tmp_path / "agent.zip")):
        assert type(loaded) is algorithm
        assert loaded.spec == agent.spec
        assert loaded.settings == agent.settings
        assert (loaded.num_timesteps, loaded.num_rollouts, loaded.accuracy) == (2 * ITERATION, 2, 0.25)
        for deterministic in (True, False):
            agent.policy.generator.manual_seed(0)
            expected = agent.predict(observe(5), deterministic=deterministic)
            loaded.policy.generator.manual_seed(0)
            np.testing.assert_equal(loaded.predict(observe(5), deterministic=deterministic), expected)


@pytest.mark.parametrize("load", [agents.load, REINFORCE.load])
def test_a_loaded_agent_can_move_to_another_environment(load: Any, tmp_path: Path) -> None:
    agent = make_agent().learn(ITERATION)
    agent.accuracy = 0.25
    agent.save(tmp_path / "agent")
    moved = load(tmp_path / "agent", gym.make(ID, reward="entropy", num_glimpses=3), device="cpu")
    assert moved.spec.environment.arguments["reward"] == "entropy"
    assert (moved.num_glimpses, moved.settings) == (3, agent.settings)
    assert moved.accuracy is None, "it was measured elsewhere"
    assert moved.learn(1, reset_num_timesteps=False).num_timesteps == ITERATION + moved.settings.num_envs * 3
    moved.save(tmp_path / "moved")
    assert agents.load(tmp_path / "moved").spec == moved.spec
    by_id = load(tmp_path / "agent", env="GlimpseClutteredDigits-v0")
    assert by_id.spec.environment.env_id == "GlimpseClutteredDigits-v0"
    assert load(tmp_path / "agent").spec == agent.spec


def test_moving_to_a_vector_environment_brings_its_number_of_sub_environments(tmp_path: Path) -> None:
    make_agent().save(tmp_path / "agent")
    for env in (make_envs(3), GlimpseVecEnv(make_envs(3))):
        moved = agents.load(tmp_path / "agent", env)
        assert moved.env.num_envs == moved.settings.num_envs == moved.spec.settings.num_envs == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"glimpse_size": 6}, "Observation spaces do not match"), ({"num_scales": 2}, "Observation spaces do not match")],
)
def test_moving_to_other_observations_is_refused(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    make_agent().save(tmp_path / "agent")
    with pytest.raises(ValueError, match=message):
        agents.load(tmp_path / "agent", gym.make(ID, **arguments))


def test_an_agent_that_never_learnt_can_be_saved(tmp_path: Path) -> None:
    agent = make_agent()
    agent.save(tmp_path / "agent")
    np.testing.assert_equal(
        agents.load(tmp_path / "agent").predict(observe(5), deterministic=True),
        agent.predict(observe(5), deterministic=True),
    )


def test_the_environment_comes_along(tmp_path: Path) -> None:
    agent = make_agent()
    agent.spec.environment.arguments.update(num_glimpses=3, initial_location=(0.5, 0.0), reward="entropy")
    agent.save(tmp_path / "agent")
    env: Any = agents.load(tmp_path / "agent").make_env(split="test")
    assert env.unwrapped.world.config.num_glimpses == 3
    assert env.unwrapped.world.config.initial_location == (0.5, 0.0)
    assert env.unwrapped.world.config.split == "test"
    assert "EntropyShapedReward" in str(env)


def test_a_zip_with_two_members_of_plain_content(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert sorted(contents) == ["agent.json", "tensors.pt"]
    description = json.loads(contents["agent.json"])
    assert description["algorithm"] == "REINFORCE"
    assert description["agent"]["environment"] == {"env_id": ID, "arguments": {}}
    assert description["versions"]["torch"] == torch.__version__
    assert set(torch.load(io.BytesIO(contents["tensors.pt"]), weights_only=True)) == {
        "policy",
        "optimizer",
        "generator",
        "metrics",
    }


def test_a_path_without_suffix_gets_one(trained: Algorithm, tmp_path: Path) -> None:
    trained.save(str(tmp_path / "folder" / "agent"))
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["agent.zip"]
    trained.save(tmp_path / "agent.saved")
    assert (tmp_path / "agent.saved").is_file()
    assert agents.load(tmp_path / "agent.saved").num_timesteps == trained.num_timesteps


def test_seeds_of_numpy_can_be_saved(tmp_path: Path) -> None:
    make_agent(seed=np.int64(5)).save(tmp_path / "agent")
    assert agents.load(tmp_path / "agent").spec.seed == 5


def test_a_missing_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    for load in (agents.load, REINFORCE.load):
        with pytest.raises(
            FileNotFoundError, match=r"expected a saved agent at .*agent\.zip, but there is no such file"
        ):
            load(tmp_path / "agent")
    with pytest.raises(FileNotFoundError):
        agents.load(tmp_path)


def fail(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("where", ["os.replace", "os.fsync", "zipfile.ZipFile.writestr", "builtins.open"])
def test_a_full_disk_loses_nothing(trained: Algorithm, path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(where, fail)
        with pytest.raises(OSError, match=r"could not be saved \(No space left on device\)") as caught:
            trained.save(path)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert agents.load(path).num_timesteps == trained.num_timesteps


def test_an_interruption_loses_nothing(trained: Algorithm, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trained.save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_file_where_a_folder_should_be_is_one_error(trained: Algorithm, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="the agent could not be saved"):
        trained.save(tmp_path / "file" / "agent.zip")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not stop this user")
def test_an_unwritable_folder_is_one_error(trained: Algorithm, path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=r"could not be saved \(Permission denied\)"):
            trained.save(path)
    finally:
        path.parent.chmod(0o700)
    assert agents.load(path).num_timesteps == trained.num_timesteps


def test_a_refused_folder_is_a_permission_error(
    trained: Algorithm, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError, match=r"could not be saved \(Permission denied\)"):
        trained.save(path)


@pytest.mark.skipif(os.name == "nt", reason="has other permissions")
def test_the_file_is_as_readable_as_any_other(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_saving_over_an_older_agent_replaces_it(trained: Algorithm, path: Path) -> None:
    make_agent(A2C).save(path)
    assert isinstance(agents.load(path), A2C)
    assert list(path.parent.iterdir()) == [path]
