"""Saved agents: what goes in comes out, damaged or malicious files are refused, and writing is all or nothing."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import stat
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import agents
from agents import A2C, PPO, REINFORCE, Algorithm, GlimpseVecEnv, InvalidAgentError
from agents.algorithms import checkpoint as saving
from glimpse_env.utils import archive
from glimpse_env.utils.archive import checksum

SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}
TINY: dict[str, Any] = {"num_envs": 4, "seed": 0, "device": "cpu"}
ROUND = 4 * 6


def make(algorithm: type[Algorithm] = REINFORCE, core: str = "rnn", **settings: Any) -> Algorithm:
    return algorithm("GlimpseDigits-v0", policy_kwargs=SIZES | {"core": core}, **TINY | settings)


@pytest.fixture(scope="module")
def trained() -> Algorithm:
    return make(core="gru").learn(3 * ROUND)


@pytest.fixture
def path(trained: Algorithm, tmp_path: Path) -> Path:
    trained.save(tmp_path / "agent.zip")
    return tmp_path / "agent.zip"


def observe(count: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "glimpse": rng.random((count, 1, 8, 8), dtype=np.float32),
        "location": rng.uniform(-1, 1, (count, 2)).astype(np.float32),
    }


def forge(path: Path, **changes: Any) -> None:
    """Writes an agent whose checksum is correct, so that what is inside has to be judged."""
    description, tensors = saving.AGENTS.read(path)
    saving.AGENTS.write(path, description | changes.pop("description", {}), tensors | changes)


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repack(path: Path, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def redescribe(path: Path, description: Any, content: bytes) -> None:
    """As an attacker would who knows how checksums are made."""
    if isinstance(description, dict):
        description = {key: value for key, value in description.items() if key != "checksum"}
        description["checksum"] = checksum(description, content)
    repack(path, {"agent.json": json.dumps(description).encode(), "tensors.pt": content})


def refused(path: Path, match: str) -> None:
    with pytest.raises(InvalidAgentError, match=match) as caught:
        agents.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("core", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("algorithm", [REINFORCE, A2C, PPO])
def test_a_loaded_agent_does_what_the_saved_one_did(algorithm: type[Algorithm], core: str, tmp_path: Path) -> None:
    agent = make(algorithm, core).learn(2 * ROUND)
    agent.accuracy = 0.25
    agent.save(tmp_path / "agent")
    for loaded in (agents.load(tmp_path / "agent"), algorithm.load(tmp_path / "agent.zip")):
        assert type(loaded) is algorithm
        assert loaded.spec == agent.spec
        assert loaded.settings == agent.settings
        assert (loaded.num_timesteps, loaded.num_rollouts, loaded.accuracy) == (2 * ROUND, 2, 0.25)
        for deterministic in (True, False):
            torch.manual_seed(0)
            expected = agent.predict(observe(), deterministic=deterministic)
            torch.manual_seed(0)
            np.testing.assert_equal(loaded.predict(observe(), deterministic=deterministic), expected)


def make_copies(num_envs: int, **arguments: Any) -> Any:
    return gym.make_vec("GlimpseDigits-v0", num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments)


@pytest.mark.parametrize("load", [agents.load, REINFORCE.load])
def test_a_loaded_agent_can_move_to_another_environment(load: Any, tmp_path: Path) -> None:
    agent = make().learn(ROUND)
    agent.accuracy = 0.25
    agent.save(tmp_path / "agent")
    moved = load(tmp_path / "agent", gym.make("GlimpseDigits-v0", reward="entropy", num_glimpses=3), device="cpu")
    assert moved.spec.environment.arguments["reward"] == "entropy"
    assert (moved.num_glimpses, moved.settings) == (3, agent.settings)
    assert moved.accuracy is None, "it was measured elsewhere"
    assert moved.learn(1, reset_num_timesteps=False).num_timesteps == ROUND + moved.settings.num_envs * 3
    moved.save(tmp_path / "moved")
    assert agents.load(tmp_path / "moved").spec == moved.spec
    by_id = load(tmp_path / "agent", env="GlimpseClutteredDigits-v0")
    assert by_id.spec.environment.env_id == "GlimpseClutteredDigits-v0"
    assert load(tmp_path / "agent").spec == agent.spec


def test_moving_to_a_vector_environment_brings_its_number_of_copies(tmp_path: Path) -> None:
    make().save(tmp_path / "agent")
    for env in (make_copies(3), GlimpseVecEnv(make_copies(3))):
        moved = agents.load(tmp_path / "agent", env)
        assert moved.env.num_envs == moved.settings.num_envs == moved.spec.settings.num_envs == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"glimpse_size": 6}, "Observation spaces do not match"), ({"num_scales": 2}, "Observation spaces do not match")],
)
def test_moving_to_other_observations_is_refused(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    make().save(tmp_path / "agent")
    with pytest.raises(ValueError, match=message):
        agents.load(tmp_path / "agent", gym.make("GlimpseDigits-v0", **arguments))


def test_an_agent_that_never_learnt_can_be_saved(tmp_path: Path) -> None:
    agent = make()
    agent.save(tmp_path / "agent")
    np.testing.assert_equal(
        agents.load(tmp_path / "agent").predict(observe(), deterministic=True),
        agent.predict(observe(), deterministic=True),
    )


def test_the_environment_comes_along(tmp_path: Path) -> None:
    agent = REINFORCE("GlimpseDigits-v0", policy_kwargs=SIZES, **TINY)
    agent.spec.environment.arguments.update(num_glimpses=3, initial_location=(0.5, 0.0), reward="entropy")
    agent.save(tmp_path / "agent")
    env: Any = agents.load(tmp_path / "agent").make_env(split="test")
    assert env.unwrapped.world.config.num_glimpses == 3
    assert env.unwrapped.world.config.initial_location == (0.5, 0.0)
    assert env.unwrapped.world.config.split == "test"
    assert "EntropyShapedReward" in str(env)


def test_a_zip_with_two_members_of_plain_content(path: Path) -> None:
    contents = members(path)
    assert sorted(contents) == ["agent.json", "tensors.pt"]
    description = json.loads(contents["agent.json"])
    assert description["algorithm"] == "REINFORCE"
    assert description["agent"]["environment"] == {"env_id": "GlimpseDigits-v0", "arguments": {}}
    assert description["versions"]["torch"] == torch.__version__
    assert set(torch.load(io.BytesIO(contents["tensors.pt"]), weights_only=True)) == {
        "policy",
        "optimizer",
        "generator",
    }


def test_a_path_without_suffix_gets_one(trained: Algorithm, tmp_path: Path) -> None:
    trained.save(str(tmp_path / "folder" / "agent"))
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["agent.zip"]
    trained.save(tmp_path / "agent.saved")
    assert (tmp_path / "agent.saved").is_file()
    assert agents.load(tmp_path / "agent.saved").num_timesteps == trained.num_timesteps


@pytest.mark.parametrize("tenth", range(10))
def test_a_truncated_file_is_refused(path: Path, tenth: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenth // 10])
    refused(path, "it is truncated, or no zip")


def test_one_byte_less_is_refused(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    refused(path, "cannot be loaded as an agent")


def test_no_flipped_byte_goes_unnoticed(path: Path) -> None:
    content = path.read_bytes()
    expected = saving.AGENTS.read(path)[0]
    spots = np.random.default_rng(0).integers(len(content), size=150).tolist()
    unnoticed = 0
    for spot in [*range(60), *spots, *range(len(content) - 160, len(content))]:
        damaged = bytearray(content)
        damaged[spot] ^= 0xFF
        path.write_bytes(damaged)
        try:
            description, tensors = saving.AGENTS.read(path)
        except InvalidAgentError:
            continue
        # What a zip says about times and attributes is no part of the agent.
        unnoticed += 1
        assert description == expected
        assert set(tensors) == {"policy", "optimizer", "generator"}
    assert unnoticed < 100


def test_an_altered_description_is_refused(path: Path) -> None:
    contents = members(path)
    repack(path, contents | {"agent.json": contents["agent.json"].replace(b'"num_rollouts": 3', b'"num_rollouts": 4')})
    refused(path, "its checksum does not fit its content: it was altered after it was saved")


def test_altered_tensors_are_refused(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"policy": {}}, buffer)
    repack(path, members(path) | {"tensors.pt": buffer.getvalue()})
    refused(path, "its checksum does not fit its content")


def test_a_missing_checksum_is_refused(path: Path) -> None:
    contents = members(path)
    description = json.loads(contents["agent.json"])
    del description["checksum"]
    repack(path, contents | {"agent.json": json.dumps(description).encode()})
    refused(path, "its checksum does not fit its content")


class Malice:
    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.target,)


def laden(target: Path, how: str) -> bytes:
    if how == "pickle":
        return pickle.dumps({"policy": Malice(target)}, protocol=2)
    buffer = io.BytesIO()
    torch.save({"policy": Malice(target)}, buffer, _use_new_zipfile_serialization=how == "torch")
    return buffer.getvalue()


@pytest.mark.parametrize("how", ["pickle", "torch", "old torch"])
def test_code_in_the_tensors_is_never_executed(path: Path, tmp_path: Path, how: str) -> None:
    target = tmp_path / "executed"
    content = laden(target, how)
    redescribe(path, json.loads(members(path)["agent.json"]), content)
    refused(path, "cannot be loaded as an agent")
    assert not target.exists()
    pickle.loads(laden(target, "pickle"))
    assert target.exists(), "the test itself is harmless"


def test_a_further_member_is_refused(path: Path) -> None:
    repack(path, members(path) | {"more.pkl": b""})
    refused(path, "expected agent.json and tensors.pt in it, got")


def test_a_missing_member_is_refused(path: Path) -> None:
    contents = members(path)
    for name in contents:
        repack(path, {name: contents[name]})
        refused(path, "expected agent.json and tensors.pt in it, got")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("agent.json", b"{}")
    refused(path, "expected agent.json and tensors.pt in it, got")


def test_a_newer_format_is_refused(path: Path) -> None:
    contents = members(path)
    description = json.loads(contents["agent.json"]) | {"format": saving.FORMAT + 1}
    redescribe(path, description, contents["tensors.pt"])
    refused(path, "its format 2 is newer than 1: update this library")


def test_too_large_a_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    refused(path, "expected at most 1000 bytes in it")


@pytest.mark.parametrize("description", [[], "agent", None, {}, {"format": "1"}, {"format": None}])
def test_a_description_of_another_kind_is_refused(path: Path, description: Any) -> None:
    redescribe(path, description, members(path)["tensors.pt"])
    refused(path, "agent.json does not describe a saved agent")


def test_a_description_that_is_no_json_is_refused(path: Path) -> None:
    repack(path, members(path) | {"agent.json": b"{'format': 1}"})
    refused(path, "cannot be loaded as an agent")


@pytest.mark.parametrize("name", ["agent", "num_timesteps", "num_rollouts", "total_timesteps", "accuracy"])
def test_a_missing_part_of_the_description_is_named(path: Path, name: str) -> None:
    contents = members(path)
    description = json.loads(contents["agent.json"])
    del description[name]
    redescribe(path, description, contents["tensors.pt"])
    refused(path, f"it lacks '{name}'")


def test_random_numbers_of_another_device_are_drawn_anew_and_always_alike(path: Path) -> None:
    original = agents.load(path, device="cpu")
    forge(path, description={"device": "cuda"}, generator=torch.zeros(16, dtype=torch.uint8))
    one, other = (agents.load(path, device="cpu") for _ in range(2))
    states = [agent.generator.get_state() for agent in (one, other, original)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])
    forge(path, description={"num_rollouts": 4})
    assert not torch.equal(agents.load(path, device="cpu").generator.get_state(), states[0])
    one.learn(ROUND, reset_num_timesteps=False)


def test_random_numbers_of_the_same_device_are_continued(trained: Algorithm, path: Path) -> None:
    assert torch.equal(agents.load(path, device="cpu").generator.get_state(), trained.generator.get_state())
    forge(path, generator=torch.zeros(16, dtype=torch.uint8))
    with pytest.raises(InvalidAgentError):
        agents.load(path, device="cpu")


@pytest.mark.parametrize("name", ["policy", "optimizer", "generator"])
def test_missing_tensors_are_named(path: Path, name: str) -> None:
    description, tensors = saving.AGENTS.read(path)
    del tensors[name]
    saving.AGENTS.write(path, description, tensors)
    refused(path, f"it lacks '{name}'")


def test_a_missing_weight_is_named(path: Path) -> None:
    weights = dict(saving.AGENTS.read(path)[1]["policy"])
    del weights["classifier.weight"]
    forge(path, policy=weights)
    refused(path, "classifier.weight")


def test_a_weight_of_another_shape_is_named(path: Path) -> None:
    forge(path, policy=saving.AGENTS.read(path)[1]["policy"] | {"classifier.weight": torch.zeros(3, 3)})
    refused(path, "classifier.weight")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"settings": {"learning_rat": 0.1}}, "Unknown setting 'learning_rat'. Did you mean 'learning_rate'"),
        ({"settings": {"num_envs": 0}}, "expected num_envs to be at least 1"),
        ({"policy_kwargs": {"core": "grru"}}, "Unknown core 'grru'. Did you mean 'gru'"),
        ({"policy_kwargs": {"hidden": 3}}, "hidden"),
        ({"environment": {}}, "env_id"),
        ({"seed": "x"}, "invalid literal"),
        ({"num_classes": 3}, "classifier"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(path: Path, changes: dict[str, Any], match: str) -> None:
    forge(path, description={"agent": saving.AGENTS.read(path)[0]["agent"] | changes})
    refused(path, match)


def test_an_unknown_algorithm_is_refused(path: Path) -> None:
    forge(path, description={"algorithm": "DQN"})
    refused(path, "its algorithm is 'DQN', none of REINFORCE, A2C, PPO")


def test_another_algorithm_is_refused(path: Path) -> None:
    with pytest.raises(InvalidAgentError, match="its algorithm is 'REINFORCE', not PPO"):
        PPO.load(path)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04", bytes(1000)])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "agent.zip"
    path.write_bytes(content)
    refused(path, "it is truncated, or no zip")


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
    make(A2C).save(path)
    assert isinstance(agents.load(path), A2C)
    assert list(path.parent.iterdir()) == [path]
