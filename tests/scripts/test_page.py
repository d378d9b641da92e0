"""The script that writes the page of a saved agent; errors of one line."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import pytest

from agents import REINFORCE
from scripts import page
from scripts.page import main

FEW = ["--num-train=40", "--num-test=30", "--num-epochs=1", "--layer-size=8"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The run folder of an untrained agent."""
    env = gym.make("GlimpseClutteredDigits-v0", num_glimpses=2)
    sizes = {"hidden_size": 16, "what_size": 8, "where_size": 8}
    REINFORCE(env, policy_kwargs=sizes, num_envs=16, seed=0, device="cpu").save(tmp_path / "agent.zip")
    return tmp_path


def test_writes_a_page_beside_the_agent(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder), *FEW])
    written = folder / "page.html"
    assert str(written) in capsys.readouterr().out
    html = written.read_text(encoding="utf-8")
    assert "It takes 2 small" in html
    assert "New distractors" in html
    assert "GlimpseClutteredDigits-v0" in html
    assert "report.html" not in html


def test_links_to_the_report_beside_it_or_to_another(folder: Path) -> None:
    (folder / "report.html").touch()
    main([str(folder / "agent.zip"), *FEW])
    assert 'href="report.html"' in (folder / "page.html").read_text(encoding="utf-8")
    main([str(folder), *FEW, "--report", "other.html", "--output", str(folder / "new" / "other-page.html")])
    assert 'href="other.html"' in (folder / "new" / "other-page.html").read_text(encoding="utf-8")


def fails(command: list[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert isinstance(caught.value.code, str)
    assert "\n" not in caught.value.code
    return caught.value.code


def test_what_is_no_agent_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "agent.zip").write_bytes(b"no zip")
    assert fails([str(tmp_path)]).startswith("error: ")
    assert not (tmp_path / "page.html").exists()


def test_an_agent_that_the_page_cannot_run_is_one_error_before_anything_is_computed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(agent: object) -> None:
        raise ValueError("expected another core")

    monkeypatch.setattr(page, "store_agent", refuse)
    monkeypatch.delattr(page, "record")
    assert fails([str(folder), *FEW]) == "error: expected another core"


@pytest.mark.parametrize("command", [[""], ["agent.zip", "--output", ""]])
def test_an_empty_path_is_refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(command)
    assert "to be a path, got an empty text" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_settings_out_of_range_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([str(folder), "--layer-size=0"])
    assert "expected layer_size to be at least 1, got 0" in capsys.readouterr().err
