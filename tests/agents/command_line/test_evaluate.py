"""The command that evaluates: a table, a JSON file and a picture; the same every time."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import matplotlib.image
import pytest

import agents
from agents import REINFORCE, Algorithm, evaluate, look_at_centre
from agents.command_line.evaluate import draw_glimpse_paths, first_canvases, main
from tests.command_lines import error_of

T = 6
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}


def make(env_id: str = "GlimpseDigits-v0", **arguments: object) -> Algorithm:
    env = gym.make(env_id, **arguments)
    return REINFORCE(env, policy_kwargs=SIZES, num_envs=16, seed=0, device="cpu").learn(16 * T * 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make().save(tmp_path / "agent.zip")
    return tmp_path


def test_writes_and_prints_the_accuracy_after_each_glimpse(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder)])
    report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    agent = agents.load(folder / "agent.zip")
    expected = evaluate(agent)
    assert report["location_policies"] == {"learned policy": expected.to_json()}
    assert (report["algorithm"], report["split"], report["num_timesteps"]) == ("REINFORCE", "test", agent.num_timesteps)
    assert report["environment"]["id"] == "GlimpseDigits-v0"
    output = capsys.readouterr().out
    for accuracy, low, high in zip(expected.accuracy, expected.low, expected.high, strict=True):
        assert f"{100 * accuracy:.2f} [{100 * low:.2f}-{100 * high:.2f}]" in output


def test_is_deterministic_and_leaves_the_agent_alone(folder: Path) -> None:
    before = (folder / "agent.zip").read_bytes()
    main([str(folder)])
    first = (folder / "evaluation.json").read_bytes()
    main([str(folder)])
    assert (folder / "evaluation.json").read_bytes() == first
    assert (folder / "agent.zip").read_bytes() == before


def test_compares_location_policies_and_takes_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr("agents.command_line.evaluate.CONVNET_IMAGES", 128 * 20)
    main([str(folder / "agent.zip"), "--compare"])
    report = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    policies = report["location_policies"]
    assert list(policies) == ["learned policy", "random", "centre", "raster scan"]
    assert policies["centre"] == evaluate(look_at_centre(agents.load(folder / "agent.zip"))).to_json()
    output, progress = capsys.readouterr()
    for name in policies:
        assert name in output
    assert report["convnet"]["num_images"] == 128 * 20
    assert report["convnet"]["accuracy"] > max(policies["learned policy"]["accuracy"])
    assert f"Ceiling: {report['convnet']['accuracy']:.2%} are correct" in output
    assert "convolutional network" in progress


def test_draws_the_glimpse_paths(folder: Path) -> None:
    main([str(folder)])
    picture = matplotlib.image.imread(folder / "glimpse_paths.png")
    assert min(picture.shape[:2]) > 800
    assert picture.std() > 0.05


def test_draws_the_images_that_were_evaluated() -> None:
    agent = make("GlimpseClutteredDigits-v0", num_scales=2, num_glimpses=3)
    evaluation = evaluate(agent)
    figure = draw_glimpse_paths(evaluation, first_canvases(agent.spec.environment, 22))
    assert len(figure.axes) == 24
    for axes, predictions, label in zip(figure.axes[:22], evaluation.predictions, evaluation.labels, strict=False):
        assert axes.get_title()[0] == ("✓" if predictions[-1] == label else "✗")
        assert [text.get_text() for text in axes.texts] == ["1", "2", "3", *map(str, predictions)]
    for axes in figure.axes[22:]:
        assert not axes.images
        assert not axes.texts


def test_a_missing_or_damaged_agent_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "agent.zip").write_bytes(b"no zip")
    for path, message in ((tmp_path / "nowhere.zip", "there is neither"), (tmp_path, "cannot be loaded as an agent")):
        assert message in error_of(main, [str(path)])
