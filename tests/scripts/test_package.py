"""The script that packages an agent with its card and its VAE."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import agents
from agents import RunFolder
from agents.pretrained import catalogue
from explain import HiddenStateVAE, record
from scripts import package
from scripts.package import main
from tests.agents.making import make_agent
from tests.command_lines import error_of


def test_a_package_has_an_agent_a_card_and_a_vae_of_its_hidden_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (catalogue, package):
        monkeypatch.setattr(module, "FILES", tmp_path / "files")
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    make_agent(agents.Branching).save(run.agent)
    run.arguments.write_text(json.dumps({"env": "digits", "images": 16, "seed": 0}))
    main([str(run.path), "some-agent", "--num-train", "100", "--num-epochs", "2", "--seconds", "3"])
    card = agents.read_card("some-agent")
    assert card["seconds"] == 3
    assert card["vae"].keys() == {"target", "images", "epochs", "loss_nats"}
    agent = agents.load_pretrained("some-agent", device="cpu")
    recording = record(agent, agent.make_vec_env(10, split="test"), 10)
    vae = HiddenStateVAE.load(agents.find_pretrained_vae("some-agent"))
    assert vae.reconstruct(recording.hidden).shape == (10, agent.num_glimpses, 1, 28, 28)


def test_a_folder_without_an_agent_is_one_error(tmp_path: Path) -> None:
    assert str(tmp_path) in error_of(main, [str(tmp_path), "some-agent"])
