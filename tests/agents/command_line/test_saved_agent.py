"""Which agent a command is about: run folders, files, names, and zips of Stable-Baselines3, which need trust."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO

import agents
from agents import REINFORCE, GlimpseFeatures, RunFolder, evaluate, make_sb3_env
from agents.command_line.evaluate import main as evaluate_command
from agents.command_line.options import EnvironmentOptions
from agents.command_line.saved_agent import AgentArguments, SavedAgent
from agents.command_line.sb3_training import SB3Training
from glimpse_env.utils.atomic import write_json
from tests.command_lines import error_of

ID = "GlimpseDigits-v0"
FEATURES = {"what_size": 8, "where_size": 8, "size": 16}
POLICY = {
    "features_extractor_class": GlimpseFeatures,
    "features_extractor_kwargs": FEATURES,
    "lstm_hidden_size": 16,
    "net_arch": [],
}


def recurrent_model(grid: int | None = None, **arguments: Any) -> RecurrentPPO:
    env = make_sb3_env(ID, 4, grid, **arguments)
    return RecurrentPPO("MultiInputLstmPolicy", env, n_steps=6, batch_size=24, policy_kwargs=POLICY, seed=0)


def zipped(path: Path, **arguments: Any) -> AgentArguments:
    """The arguments that load a model, which is saved into a folder."""
    recurrent_model(**arguments).save(path / "mine.zip")
    return AgentArguments(path / "mine.zip", algorithm="RecurrentPPO", env_id=ID, trust=True)


def test_an_agent_of_this_library_is_loaded_by_its_folder_and_by_its_file(tmp_path: Path) -> None:
    agent = REINFORCE(ID, policy_kwargs={"hidden_size": 16}, num_envs=16, seed=0, device="cpu")
    agent.save(tmp_path / "agent.zip")
    for path in (tmp_path, tmp_path / "agent.zip"):
        saved = AgentArguments(path).load()
        assert (saved.algorithm, saved.environment.env_id) == ("REINFORCE", ID)
        assert saved.facts["agent"]["hidden_size"] == 16
        assert saved.folder == tmp_path / "explanation"
        assert evaluate(saved.agent).accuracy == pytest.approx(evaluate(agent).accuracy)


@pytest.mark.parametrize("grid", [None, 3])
def test_a_zip_of_stable_baselines3_acts_as_its_model(grid: int | None, tmp_path: Path) -> None:
    saved = zipped(tmp_path, grid=grid).load()
    model = recurrent_model(grid)
    assert (saved.algorithm, saved.folder) == ("RecurrentPPO", tmp_path / "explanation")
    assert saved.facts["agent"]["library"].startswith("sb3_contrib ")
    expected = evaluate(model, make_sb3_env(ID, 100, grid, split="test").native)
    np.testing.assert_array_equal(evaluate(saved.agent).predictions, expected.predictions)
    np.testing.assert_array_equal(evaluate(saved.agent).locations, expected.locations)


def test_a_zip_learned_in_an_environment_with_arguments(tmp_path: Path) -> None:
    arguments = replace(zipped(tmp_path, num_glimpses=3, reward="anytime"), reward="anytime")
    saved = replace(arguments, environment=EnvironmentOptions(num_glimpses=3)).load()
    assert saved.environment.arguments == {"reward": "anytime", "num_glimpses": 3}
    assert saved.agent.num_glimpses == 3


def test_loading_a_zip_executes_code_only_with_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = zipped(tmp_path)

    def executed(*_: Any, **__: Any) -> None:
        raise AssertionError("this would execute code from the file")

    monkeypatch.setattr("stable_baselines3.common.save_util.cloudpickle.loads", executed)
    with pytest.raises(ValueError, match=r"expected --trust, because loading .*mine\.zip executes the code in it"):
        replace(arguments, trust=False).load()
    with pytest.raises(ValueError, match="loading it raises AssertionError: this would execute"):
        arguments.load()


@pytest.fixture(params=["RecurrentPPO", "PPO"])
def trained(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[RunFolder, SB3Training]:
    """The run folder that `scripts/train_sb3.py` leaves, of a model that was not trained."""
    run, training = RunFolder(tmp_path / "run", "model.zip"), SB3Training(algorithm=request.param, reward="anytime")
    model: Any = training.make_model()
    model.trained_seconds = 1.0
    run.path.mkdir()
    model.save(run.agent)
    write_json(run.arguments, vars(training))
    return run, training


def test_a_folder_of_train_sb3_is_loaded_without_executing_code(
    trained: tuple[RunFolder, SB3Training], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, training = trained
    monkeypatch.setattr("stable_baselines3.common.save_util.json_to_data", None)
    saved = AgentArguments(run.path).load()
    assert (saved.run, saved.algorithm) == (run, training.algorithm)
    assert saved.environment.arguments == {"reward": "anytime"}
    # The seed makes the same weights anew.
    expected = evaluate(training.make_model(), make_sb3_env(ID, 100, split="test").native)
    np.testing.assert_array_equal(evaluate(saved.agent).predictions, expected.predictions)


def test_a_folder_of_train_sb3_is_evaluated_beside_other_location_policies(
    trained: tuple[RunFolder, SB3Training], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With and without a memory."""
    run, training = trained
    monkeypatch.setattr("agents.command_line.evaluate.CONVNET_IMAGES", 128)
    evaluate_command([str(run.path), "--compare"])
    assert f"{training.algorithm} in {ID}, test split" in capsys.readouterr().out
    assert run.evaluation.is_file()
    assert run.glimpse_paths.is_file()


def test_a_model_of_stable_baselines3_is_no_agent_of_this_library(trained: tuple[RunFolder, SB3Training]) -> None:
    run, _ = trained
    with pytest.raises(ValueError, match=r"expected an agent of this library, got a model of .*model\.zip"):
        RunFolder.of(run.path).load_agent()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithm": "ReccurentPPO"}, "Did you mean 'RecurrentPPO'?"),
        ({"env_id": None}, "expected --env-id beside --algorithm RecurrentPPO"),
        ({"env_id": "GlimpseDigit-v0"}, "Did you mean 'GlimpseDigits-v0'?"),
        ({"env_id": "CartPole-v1"}, "expected the id of a glimpse environment, got 'CartPole-v1'"),
        ({"environment": EnvironmentOptions(glimpse_size=5)}, "expected a model for the observations of"),
        ({"environment": EnvironmentOptions(num_glimpses=0)}, "num_glimpses"),
        ({"algorithm": "SAC"}, "expected a model of SAC in "),
        ({"algorithm": None}, "expected --algorithm beside --env-id"),
        ({"algorithm": None, "env_id": None}, "expected --algorithm, --env-id and --trust beside a zip"),
        ({"agent": Path("nowhere.zip")}, "expected a run folder or the file of a saved agent, got nowhere.zip"),
    ],
)
def test_what_cannot_be_loaded_is_one_error(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    arguments = replace(zipped(tmp_path), **changes)
    with pytest.raises((ValueError, OSError)) as caught:
        arguments.load()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_a_file_that_no_model_was_saved_as_is_one_error(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    if content is None:
        (tmp_path / "folder").mkdir()
        shutil.make_archive(str(tmp_path / "some"), "zip", tmp_path / "folder")
    else:
        path.write_bytes(content)
    options = ["--algorithm", "RecurrentPPO", "--env-id", ID, "--trust"]
    error = error_of(evaluate_command, [str(path), *options])
    assert error == f"error: expected a zip that a model of Stable-Baselines3 was saved as, got {path}"


def test_a_model_of_other_actions_is_one_error(tmp_path: Path) -> None:
    model = PPO("MultiInputPolicy", make_sb3_env(ID, 4), n_steps=6, batch_size=24)
    model.action_space = model.action_space.__class__(-1, 1, (3,))
    model.policy.action_space = model.action_space
    model.save(tmp_path / "mine.zip")
    arguments = AgentArguments(tmp_path / "mine.zip", algorithm="PPO", env_id=ID, trust=True)
    with pytest.raises(ValueError, match=r"expected a model (for the actions of GlimpseDigits-v0|of PPO in)"):
        arguments.load()


def test_packaged_agents_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    saved: SavedAgent = AgentArguments(Path("mnist")).load()
    assert isinstance(saved.agent, agents.Algorithm)
    assert saved.run.path == Path("runs/pretrained/mnist")
