"""Packaged agents: what is left out, what stays, their cards, and names that users mistype."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import agents
from agents import Branching, InvalidAgentError, RunFolder
from agents.pretrained import catalogue
from agents.pretrained.catalogue import find_pretrained_vae, find_run, list_pretrained, load_pretrained, read_card
from agents.pretrained.packaging import package_agent
from tests.agents.making import make_agent, observe

ARGUMENTS = {"env": "digits", "images": 16, "seed": 0}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    agent = make_agent(Branching).learn(24)
    agent.save(run.agent)
    run.arguments.write_text(json.dumps(ARGUMENTS))
    return run


@pytest.fixture
def packaged(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(catalogue, "FILES", tmp_path / "files")
    return package_agent(run, tmp_path / "files" / "some-agent", seconds=7.5)


def test_a_packaged_agent_acts_like_the_trained_one(run: RunFolder, packaged: dict[str, Any]) -> None:
    trained, small = run.load_agent(), load_pretrained("some-agent")
    acted = [agent.predict(observe(5), deterministic=True) for agent in (trained, small)]
    for one, other in zip(*acted, strict=True):  # the actions, then the states
        np.testing.assert_allclose(one, other, atol=2e-2)
    assert small.spec == trained.spec
    assert small.num_timesteps == trained.num_timesteps


def test_it_leaves_out_what_only_training_needs(run: RunFolder, packaged: dict[str, Any]) -> None:
    small = catalogue.FILES / "some-agent" / "agent.zip"
    weights = sum(weight.numel() for weight in run.load_agent().policy.state_dict().values())
    state_of_generator = torch.Generator().get_state().numel()
    assert small.stat().st_size < 2 * weights + state_of_generator + 12_000, "two bytes a weight, and little more"
    assert load_pretrained("some-agent").optimizer.state_dict()["state"] == {}


def test_it_can_be_trained_further(packaged: dict[str, Any]) -> None:
    agent = load_pretrained("some-agent")
    assert all(weight.dtype == torch.float32 for weight in agent.policy.parameters())
    agent.learn(24, reset_num_timesteps=False)
    assert agent.num_timesteps == 48


def test_the_card_says_how_it_was_made_and_what_was_measured(packaged: dict[str, Any]) -> None:
    assert read_card("some-agent") == json.loads(json.dumps(packaged))
    measured = agents.evaluate(load_pretrained("some-agent"))
    assert packaged["commands"] == ("python -m agents train digits --images 16 --seed 0",)
    assert packaged["task"] == {"id": "GlimpseDigits-v0"}
    assert packaged["images"] == 4
    assert packaged["seconds"] == 7.5
    assert packaged["trained_with"]["device"] == "cpu"
    assert packaged["test_images"] == 360
    np.testing.assert_allclose(packaged["correct_after_each_glimpse_percent"], 100 * measured.accuracy, atol=0.005)
    for low, correct, high in zip(
        np.array(packaged["confidence_95_percent"])[:, 0],
        packaged["correct_after_each_glimpse_percent"],
        np.array(packaged["confidence_95_percent"])[:, 1],
        strict=True,
    ):
        assert low <= correct <= high


def test_the_command_has_the_options_that_changed_the_preset(run: RunFolder, tmp_path: Path) -> None:
    changed = {"environment": {"initial_location": [0.0, 0.5]}, "settings": {"num_envs": 4}}
    run.arguments.write_text(json.dumps(ARGUMENTS | changed))
    (command,) = package_agent(run, tmp_path / "package")["commands"]
    assert command.endswith("--env.initial-location 0.0 0.5 --settings.num-envs 4")


def test_a_vae_that_is_not_there_is_an_error_that_says_what_to_do(packaged: dict[str, Any]) -> None:
    with pytest.raises(FileNotFoundError, match=r"without a VAE.*fit_vae"):
        find_pretrained_vae("some-agent")
    file = catalogue.FILES / "some-agent" / "vae.zip"
    file.touch()
    assert find_pretrained_vae("some-agent") == file


def test_unknown_names_are_suggested(packaged: dict[str, Any]) -> None:
    assert list_pretrained() == ["some-agent"]
    for function in (load_pretrained, read_card, find_pretrained_vae):
        with pytest.raises(ValueError, match="Did you mean 'some-agent'"):
            function("some-agnt")


def test_a_damaged_file_is_one_clear_error(packaged: dict[str, Any]) -> None:
    file = catalogue.FILES / "some-agent" / "agent.zip"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InvalidAgentError, match=r"agent\.zip"):
        load_pretrained("some-agent")


def test_a_name_stands_for_a_run_folder(packaged: dict[str, Any], run: RunFolder, tmp_path: Path) -> None:
    unpacked = find_run("some-agent", tmp_path / "runs")
    assert unpacked.path == tmp_path / "runs" / "some-agent"
    unpacked.load_agent()
    unpacked.evaluation.write_text("{}")
    assert find_run("some-agent", tmp_path / "runs") == unpacked
    assert unpacked.evaluation.exists(), "what was written there stays"
    assert not (catalogue.FILES / "some-agent" / "evaluation.json").exists()
    assert find_run(run.path) == run
    assert find_run(run.agent) == run


def test_a_mistyped_name_is_an_error_that_suggests_the_nearest(packaged: dict[str, Any]) -> None:
    with pytest.raises(FileNotFoundError, match=r"run folder.*Did you mean 'some-agent'"):
        find_run("some-agnt")


def test_a_folder_goes_before_a_packaged_agent_of_that_name(
    packaged: dict[str, Any], run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run.path, "some-agent")
    assert find_run("some-agent") == RunFolder(Path("some-agent"))


@pytest.mark.parametrize("name", list_pretrained())
def test_agents_that_come_with_the_package_load_and_have_cards(name: str) -> None:
    agent, card = load_pretrained(name), read_card(name)
    assert card["task"] == {"id": agent.spec.environment.env_id, **agent.spec.environment.arguments}
    num_glimpses = agent.spec.environment.config.num_glimpses  # known without the images, which need a download
    earlier = card["images"] - agent.num_timesteps // num_glimpses
    assert earlier > 0 if len(card["commands"]) > 1 else earlier == 0
    assert card["seed"] == agent.spec.seed
    assert len(card["correct_after_each_glimpse_percent"]) == num_glimpses


def test_they_are_small() -> None:
    assert sum(file.stat().st_size for file in catalogue.FILES.rglob("*.*")) <= 12 * 2**20
