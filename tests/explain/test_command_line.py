"""The command line that explains: figures, numbers and a page; the agent as it was; one-line errors."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import gymnasium as gym
import pytest

import agents
from agents import REINFORCE
from agents.command_line.saved_agent import AgentArguments
from explain.command_line import Arguments
from explain.command_line import main as explain_saved
from explain.report import all_figures as pictures
from explain.report.page import without_nan
from glimpse_env.utils.folder_lock import LOCK, FolderLock
from tests.command_lines import error_of

SETTINGS = {
    "num_train": 60,
    "num_test": 24,
    "num_epochs": 1,
    "num_eig": 4,
    "grid": 2,
    "num_samples": 2,
    "policy_images": 8,
    "policy_grid": 2,
    "policy_samples": 1,
    "seed": 0,
}


def main(arguments: list[str]) -> None:
    explain_saved(Arguments[AgentArguments], arguments)


FEW = [word for name, value in SETTINGS.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NUM_RECONSTRUCTIONS", "NUM_BELIEFS", "NUM_MAPS", "NUM_FAILURES"):
        monkeypatch.setattr(pictures, name, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The run folder of an untrained agent."""
    env = gym.make("GlimpseDigits-v0", num_glimpses=2)
    sizes = {"hidden_size": 16, "what_size": 8, "where_size": 8}
    REINFORCE(env, policy_kwargs=sizes, num_envs=16, seed=0, device="cpu").save(tmp_path / "agent.zip")
    return tmp_path


def test_explains_an_agent_and_leaves_it_as_it_was(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "agent.zip").read_bytes()
    main([str(folder), *FEW])
    explanation = folder / "explanation"
    assert str(explanation / "report.html") in capsys.readouterr().out
    assert (folder / "agent.zip").read_bytes() == before

    written = json.loads((explanation / "explanation.json").read_text(encoding="utf-8"))
    about = written["about"]
    assert about["agent"]["algorithm"] == "REINFORCE"
    assert (about["environment"]["id"], about["environment"]["num_glimpses"]) == ("GlimpseDigits-v0", 2)
    assert about["explanation"] == {"num_threads": 1} | SETTINGS
    assert about["agent"]["core"] == "rnn"
    assert about["training"]["learning_rate"]["start"] == 0.001
    assert about["training"]["loss_weights"]["every_glimpse"] is False
    assert {"python", "torch", "glimpse_env"} <= set(about["versions"])
    policies = ["learned policy", "EIG policy", "random", "centre", "raster scan"]
    assert list(written["location_policies"]) == policies
    assert written["num_images"] == 24
    page = (explanation / "report.html").read_text(encoding="utf-8")
    assert "What an agent knew after two glimpses of a handwritten digit" in page
    for name in ("The images: digits", "Made with glimpse-env"):
        assert f">{name}</a>" in page
    assert {path.suffix for path in explanation.iterdir() if path.name != LOCK} == {
        *(".html", ".json", ".png", ".pdf", ".gif")
    }


def test_the_same_seed_gives_the_same_numbers(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explain.report.page.draw_all_figures", lambda *_, **__: {})
    monkeypatch.setattr("explain.report.page.make_page", lambda *_: "")
    written = []
    for name, seed in (("one", "0"), ("same", "0"), ("other", "1")):
        main([str(folder / "agent.zip"), *FEW, "--folder", str(tmp_path / name), "--seed", seed])
        numbers = json.loads((tmp_path / name / "explanation.json").read_text(encoding="utf-8"))
        del numbers["about"]
        written.append(numbers)
    assert written[0] == written[1] == without_nan(written[0])
    assert written[0]["reconstruction"]["error"] != written[2]["reconstruction"]["error"]


def test_what_is_not_there_or_no_agent_is_one_error(tmp_path: Path) -> None:
    assert "there is neither" in error_of(main, [str(tmp_path / "nowhere.zip")])
    (tmp_path / "agent.zip").write_bytes(b"no zip")
    assert "cannot be loaded as an agent" in error_of(main, [str(tmp_path)])
    assert not (tmp_path / "explanation").exists()


def test_a_folder_that_cannot_be_written_is_one_error_and_costs_no_time(folder: Path) -> None:
    (folder / "file").touch()
    error = error_of(main, [str(folder), "--folder", str(folder / "file" / "explanation")])
    assert "Not a directory" in error


def test_a_folder_in_which_another_program_explains_is_one_error(folder: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with FolderLock(folder / "explanation"):
            entered.set()
            leave.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert entered.wait(60)
        assert "expected a folder that no other program is using" in error_of(main, [str(folder), *FEW])
    finally:
        leave.set()
        other.join()
    assert [path.name for path in (folder / "explanation").iterdir()] == [LOCK]


def test_an_agent_of_a_single_glimpse_is_one_error(tmp_path: Path) -> None:
    env = gym.make("GlimpseDigits-v0", num_glimpses=1)
    sizes = {"hidden_size": 16, "what_size": 8, "where_size": 8}
    agents.REINFORCE(env, policy_kwargs=sizes, num_envs=16, seed=0, device="cpu").save(tmp_path / "agent.zip")
    assert "at least 2 glimpses" in error_of(main, [str(tmp_path), *FEW])
