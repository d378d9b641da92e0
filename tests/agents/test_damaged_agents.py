"""Damaged and malicious files: each is refused with one clear error, and no code in it is executed."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import agents
from agents import PPO, Algorithm, InvalidAgentError
from agents.algorithms.checkpoint import AGENTS, FORMAT
from tests.agents.making import ITERATION, assert_same_weights, make_agent, observe, training_state
from tests.archives import forge, members, redescribe, repack, unpack


@pytest.fixture(scope="module")
def trained() -> Algorithm:
    return make_agent(core="gru").learn(3 * ITERATION)


@pytest.fixture
def path(trained: Algorithm, tmp_path: Path) -> Path:
    trained.save(tmp_path / "agent.zip")
    return tmp_path / "agent.zip"


def refused(path: Path, match: str) -> None:
    with pytest.raises(InvalidAgentError, match=match) as caught:
        agents.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("tenth", range(10))
def test_a_truncated_file_is_refused(path: Path, tenth: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * tenth // 10])
    refused(path, "it is truncated, or no zip")


def test_one_byte_less_is_refused(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    refused(path, "cannot be loaded as an agent")


def test_no_flipped_byte_goes_unnoticed(trained: Algorithm, path: Path) -> None:
    content = path.read_bytes()
    spots = np.random.default_rng(0).integers(len(content), size=150).tolist()
    unnoticed = 0
    for spot in [*range(60), *spots, *range(len(content) - 160, len(content))]:
        damaged = bytearray(content)
        damaged[spot] ^= 0xFF
        path.write_bytes(damaged)
        try:
            loaded = agents.load(path, device="cpu")
        except InvalidAgentError:
            continue
        # Times and attributes of the members of a zip are no part of the agent.
        unnoticed += 1
        assert loaded.spec == trained.spec
        assert_same_weights(training_state(loaded), training_state(trained))
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


def payload(target: Path, form: str) -> bytes:
    if form == "pickle":
        return pickle.dumps({"policy": Malice(target)}, protocol=2)
    buffer = io.BytesIO()
    torch.save({"policy": Malice(target)}, buffer, _use_new_zipfile_serialization=form == "torch")
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["pickle", "torch", "old torch"])
def test_code_in_the_tensors_is_never_executed(path: Path, tmp_path: Path, form: str) -> None:
    target = tmp_path / "executed"
    content = payload(target, form)
    redescribe(path, json.loads(members(path)["agent.json"]), content)
    refused(path, "cannot be loaded as an agent")
    assert not target.exists()
    pickle.loads(payload(target, "pickle"))
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
    refused(path, "expected each member once, got 'agent.json' twice")


def test_a_newer_format_is_refused(path: Path) -> None:
    contents = members(path)
    description = json.loads(contents["agent.json"]) | {"format": FORMAT + 1}
    redescribe(path, description, contents["tensors.pt"])
    refused(path, f"its format {FORMAT + 1} is newer than {FORMAT}: update this library")


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
    one.learn(ITERATION, reset_num_timesteps=False)


def test_random_numbers_of_the_same_device_are_continued(trained: Algorithm, path: Path) -> None:
    assert torch.equal(agents.load(path, device="cpu").generator.get_state(), trained.generator.get_state())
    forge(path, generator=torch.zeros(16, dtype=torch.uint8))
    with pytest.raises(InvalidAgentError):
        agents.load(path, device="cpu")


@pytest.mark.parametrize("name", ["policy", "generator"])
def test_missing_tensors_are_named(path: Path, name: str) -> None:
    description, tensors = unpack(path)
    del tensors[name]
    AGENTS.write(path, description, tensors)
    refused(path, f"it lacks '{name}'")


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_an_agent_of_half_precision_without_the_optimizer_acts_alike_and_learns_on(
    trained: Algorithm, path: Path, precision: torch.dtype
) -> None:
    description, tensors = unpack(path)
    del tensors["optimizer"]
    AGENTS.write(path, description, tensors | {"policy": {k: v.to(precision) for k, v in tensors["policy"].items()}})
    loaded = agents.load(path, device="cpu")
    assert {weight.dtype for weight in loaded.policy.state_dict().values()} == {torch.float32}
    one, other = (agent.predict(observe(5), deterministic=True)[0] for agent in (loaded, trained))
    np.testing.assert_allclose(one, other, atol=0.05)
    loaded.learn(ITERATION, reset_num_timesteps=False)


def test_a_missing_weight_is_named(path: Path) -> None:
    weights = dict(unpack(path)[1]["policy"])
    del weights["classifier.weight"]
    forge(path, policy=weights)
    refused(path, "classifier.weight")


def test_a_weight_of_another_shape_is_named(path: Path) -> None:
    forge(path, policy=unpack(path)[1]["policy"] | {"classifier.weight": torch.zeros(3, 3)})
    refused(path, "classifier.weight")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"settings": {"learning_rat": 0.1}}, "Unknown setting 'learning_rat'. Did you mean 'learning_rate'"),
        ({"settings": {"num_envs": 0}}, "expected num_envs to be at least 1"),
        ({"policy_kwargs": {"core": "grru"}}, "Unknown core 'grru'. Did you mean 'gru'"),
        ({"policy_kwargs": {"hidden": 3}}, "hidden"),
        ({"environment": {}}, "env_id"),
        ({"seed": "x"}, "expected seed to be an integer, got 'x'"),
        ({"num_classes": 3}, "classifier"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(path: Path, changes: dict[str, Any], match: str) -> None:
    forge(path, description={"agent": unpack(path)[0]["agent"] | changes})
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
