"""Options that change a preset: all arguments and settings that are numbers or names, and images of one's own."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agents import RunFolder, Settings
from agents.command_line.options import EnvironmentOptions, SettingsOptions
from agents.command_line.train import main
from glimpse_env import WorldConfig

# Training has the first; the others are no numbers. One of the loss weights has an option of its own, `canvas_weight`.
NO_OPTIONS = {"split", "demonstration_path", "loss_weights"}


def train(folder: Path, *arguments: str) -> RunFolder:
    main([*arguments, "--images", "128", "--run-folder", str(folder)])
    return RunFolder(folder)


@pytest.mark.parametrize(
    ("options", "described", "more"),
    [(EnvironmentOptions, WorldConfig, {"reward_weight"}), (SettingsOptions, Settings, {"canvas_weight"})],
)
def test_every_argument_and_setting_has_an_option(options: type, described: type, more: set[str]) -> None:
    expected = {field.name for field in fields(described)} - NO_OPTIONS | more
    assert {field.name for field in fields(options)} == expected


def test_options_take_the_place_of_the_presets_and_leave_the_rest(tmp_path: Path) -> None:
    changes = ["--env.num-glimpses", "8", "--env.canvas-size", "50", "--settings.learning-rate", "5e-4"]
    run = train(
        tmp_path / "run", "GlimpseClutteredDigits-v0", "--reward", "entropy", "--env.reward-weight", "2", *changes
    )
    agent = run.load_agent()
    assert agent.num_glimpses == 8
    environment = agent.spec.environment.arguments
    expected = {"num_glimpses": 8, "canvas_size": 50, "num_distractors": 4, "reward": "entropy", "reward_weight": 2}
    assert {name: environment[name] for name in expected} == expected
    assert [agent.settings.learning_rate(left) for left in (1, 0)] == [5e-4, 5e-4]  # type: ignore[operator]
    assert agent.settings.num_envs == 128
    saved = run.read_arguments()
    assert saved["environment"] == {"num_glimpses": 8, "canvas_size": 50, "reward_weight": 2}
    assert saved["settings"] == {"learning_rate": 5e-4}


def test_trains_on_a_folder_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split in ("train", "test"):
        for label, name in enumerate(("dark", "bright")):
            (tmp_path / "photos" / split / name).mkdir(parents=True)
            image = np.full((20, 30), 255 * label, np.uint8)
            Image.fromarray(image).save(tmp_path / "photos" / split / name / "1.png")
    monkeypatch.chdir(tmp_path)
    options = ["--env.dataset", "folder", "--env.data-dir", "photos", "--env.image-size", "16"]
    run = train(tmp_path / "run", "Glimpse-v0", *options)
    monkeypatch.chdir("/")  # the folder is known by its whole path
    agent = run.load_agent()
    assert agent.make_env(split="test").action_space.shape == (2 + 2,)
    assert agent.accuracy is not None


def test_the_run_folder_is_named_after_the_options_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main(["GlimpseDigits-v0", "--images", "128", "--algorithm", "A2C", "--env.num-glimpses", "2"])
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [
        "glimpsedigits-v0-a2c-rnn-hard-num_glimpses-2-seed0"
    ]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--env.num-glimpses", "0"], "expected num_glimpses to be at least 1, got 0"),
        (["--env.dataset", "mnits"], "Unknown data set 'mnits'"),
        (["--settings.learning-rate", "-1"], "expected learning_rate not to be negative"),
        (["--settings.num-envs", "0"], "expected num_envs to be at least 1, got 0"),
    ],
)
def test_what_is_out_of_range_is_one_error_and_makes_no_folder(option: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        train(tmp_path / "run", "GlimpseDigits-v0", *option)
    assert message in str(caught.value.code)
    assert "\n" not in str(caught.value.code)
    assert not (tmp_path / "run").exists()


def test_resuming_takes_no_options(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "GlimpseDigits-v0", "--env.num-glimpses", "2")
    with pytest.raises(SystemExit, match="expected no other arguments beside --resume"):
        main(["--resume", str(run.path), "--env.num-glimpses", "3"])
