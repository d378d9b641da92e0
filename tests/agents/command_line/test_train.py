"""The command that trains: what its arguments do, how it continues, and errors of one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

import agents
from agents import PRESETS, Preset, RunFolder, Schedule
from agents.command_line import evaluate
from agents.command_line.train import main
from agents.environments import EnvironmentSpec
from agents.pretrained.history import read_history
from tests.command_lines import error_of

pytestmark = pytest.mark.usefixtures("handlers_are_given_back")
ROOT = Path(__file__).parents[3]
T, N = 6, 8
IMAGES = 10 * N
TINY = Preset(
    EnvironmentSpec("GlimpseDigits-v0", {}),
    policy_kwargs={"core": "rnn", "hidden_size": 16, "what_size": 8, "where_size": 8},
    settings={"learning_rate": Schedule(1e-3, 0, "cosine"), "location_std": Schedule(0.3, 0.1), "num_envs": N},
    num_images=IMAGES,
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", TINY)


def arguments(folder: Path, *more: str) -> list[str]:
    return ["tiny", "--run-folder", str(folder), *more]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", TINY)
        main(arguments(folder))
    return folder


def test_trains_as_the_preset_says_and_keeps_the_arguments(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunFolder(finished)
    files = {run.path / ".lock", run.agent, run.arguments, run.log, run.learning_curve}
    assert set(finished.iterdir()) == files
    agent = run.load_agent()
    assert (agent.num_timesteps, agent.spec.policy_kwargs) == (IMAGES * T, TINY.policy_kwargs)
    expected = {"env": "tiny", "algorithm": "REINFORCE", "core": "rnn", "reward": "hard", "seed": 0, "images": IMAGES}
    assert run.read_arguments() == expected | {"environment": {}, "settings": {}}


def test_begins_with_the_weights_of_another_agent(finished: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "further")
    more = ["--initial-weights", str(finished), "--images", "32", "--settings.learning-rate", "0", "0"]
    main(arguments(run.path, *more))
    before, after = RunFolder(finished).load_agent("cpu"), run.load_agent("cpu")
    for weight, same in zip(before.policy.parameters(), after.policy.parameters(), strict=True):
        assert torch.equal(weight, same), "nothing is learned at a learning rate of 0"
    assert after.num_timesteps == 32 * T, "only the weights are taken over"


def test_an_agent_can_learn_to_predict_the_canvas_and_then_go_on_without(finished: Path, tmp_path: Path) -> None:
    """The head is a part of training, so that other weights can be taken over from agents with and without one."""
    more = ["--images", "32", "--settings.learning-rate", "0", "0"]
    with_head, without = RunFolder(tmp_path / "with"), RunFolder(tmp_path / "without")
    main(arguments(with_head.path, "--initial-weights", str(finished), *more, "--settings.canvas-weight", "5"))
    main(arguments(without.path, "--initial-weights", str(with_head.path), *more))
    agent = with_head.load_agent("cpu")
    assert agent.settings.loss_weights == agents.LossWeights(canvas=5)
    assert agent.policy.canvas_head.side == 20
    before, after = (run.load_agent("cpu").policy.state_dict() for run in (RunFolder(finished), without))
    before.pop("location_std")
    assert before.keys() < agent.policy.state_dict().keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
    assert read_history(with_head).commands[-1].endswith("--settings.canvas-weight 5.0")


def test_a_canvas_weight_below_0_is_one_error(tmp_path: Path) -> None:
    message = error_of(main, arguments(tmp_path / "run", "--settings.canvas-weight", "-1"))
    assert "expected the loss weight canvas to be a number in" in message
    assert not (tmp_path / "run").exists()


def test_remembers_what_came_before_the_initial_weights(finished: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "further")
    main(
        arguments(
            run.path, "--initial-weights", str(finished), "--images", "32", "--settings.location-std", "0.2", "0.1"
        )
    )
    history = read_history(run)
    first, second = history.commands
    assert history.images == IMAGES + 32
    assert (
        first
        == f"python -m agents train tiny --algorithm REINFORCE --core rnn --reward hard --images {IMAGES} --seed 0"
    )
    assert second.endswith(f"--images 32 --seed 0 --initial-weights {finished} --settings.location-std 0.2 0.1")


@pytest.mark.parametrize(
    ("weights", "more", "message"),
    [
        ("{finished}", ["--core", "gru"], "expected the parameters of policy, got none for"),
        ("nowhere", [], "Unknown"),
        ("mnits", [], "Did you mean 'mnist'"),
    ],
)
def test_initial_weights_that_do_not_fit_are_one_error(
    weights: str, more: list[str], message: str, finished: Path, tmp_path: Path
) -> None:
    weights = weights.format(finished=finished)
    assert message in error_of(main, arguments(tmp_path / "run", "--initial-weights", weights, *more))
    assert not (tmp_path / "run").exists()


def test_arguments_take_the_place_of_the_presets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = RunFolder(tmp_path / "new" / "run")
    more = ["--algorithm", "PPO", "--core", "gru", "--reward", "entropy", "--seed", "3", "--images", "32"]
    main(arguments(run.path, *more))
    agent = run.load_agent()
    assert isinstance(agent, agents.PPO)
    assert agent.spec.policy_kwargs == TINY.policy_kwargs | {"core": "gru"}
    assert agent.spec.environment.arguments["reward"] == "entropy"
    assert (agent.spec.seed, agent.num_timesteps) == (3, 32 * T)
    output = capsys.readouterr().out
    assert output == f"{agent.accuracy:.2%} of the test split are correct. Everything is in {run.path}.\n"


def test_names_the_run_folder_after_the_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main(["glimpse_env:GlimpseDigits-v0", "--images", "128", "--algorithm", "A2C", "--seed", "2"])
    assert (tmp_path / "runs" / "glimpse_env-glimpsedigits-v0-a2c-rnn-hard-seed2" / "agent.zip").is_file()


def test_ctrl_c_says_how_to_continue_and_resume_does(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = agents.REINFORCE.train

    def press(agent: agents.REINFORCE, rollout: agents.algorithms.rollout.Rollout) -> None:
        if agent.num_rollouts == 5:
            signal.raise_signal(signal.SIGINT)
        train(agent, rollout)

    with monkeypatch.context() as patched:
        patched.setattr(agents.REINFORCE, "train", press)
        with pytest.raises(SystemExit) as caught:
            main(arguments(tmp_path))
    assert caught.value.code == 130
    last_line = capsys.readouterr().err.rpartition("interrupted: ")[2]
    assert last_line == f"continue with python -m agents train --resume {tmp_path}\n"
    run = RunFolder(tmp_path)
    before = run.read_arguments()
    assert run.load_agent().num_timesteps == 5 * N * T
    main(["--resume", str(tmp_path)])
    assert capsys.readouterr().out.startswith(f"continuing after {5 * N * T} of {IMAGES * T} steps\n")
    assert run.read_arguments() == before
    weights, expected = (one.load_agent("cpu").policy.state_dict() for one in (run, RunFolder(finished)))
    if not torch.cuda.is_available():  # only the CPU promises the same bits
        assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.mark.parametrize("images", ["0", "-5"])
def test_no_images_are_refused(images: str, tmp_path: Path) -> None:
    assert f"expected --images to be at least 1, got {images}" in error_of(
        main, arguments(tmp_path / "run", "--images", images)
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("more", [["--seed", "3"], ["tiny"], ["--images", "100"]])
def test_resuming_takes_no_other_arguments(finished: Path, more: list[str]) -> None:
    before = (finished / "agent.zip").read_bytes()
    assert "expected no other arguments beside --resume" in error_of(main, ["--resume", str(finished), *more])
    assert (finished / "agent.zip").read_bytes() == before


def test_takes_no_folder_that_holds_an_agent(finished: Path) -> None:
    before = (finished / "agent.zip").read_bytes()
    assert f"--resume {finished}" in error_of(main, arguments(finished))
    assert (finished / "agent.zip").read_bytes() == before


@pytest.mark.parametrize("resume", [True, False])
def test_takes_no_folder_that_another_program_trains_in(
    resume: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, taken, leaving = RunFolder(tmp_path), threading.Event(), threading.Event()

    def hold() -> None:
        with run.lock():
            taken.set()
            leaving.wait()

    other = threading.Thread(target=hold)
    other.start()
    taken.wait()
    try:
        command = ["--resume", str(tmp_path)] if resume else arguments(tmp_path)
        assert f"no other program is using, got {tmp_path}" in error_of(main, command)
    finally:
        leaving.set()
        other.join()
    assert not run.arguments.exists()


@pytest.mark.parametrize("option", ["--run-folder", "--resume"])
def test_an_empty_path_is_not_the_current_folder(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["tiny", option, ""])
    assert caught.value.code not in (None, 0)
    assert "to be a path, got an empty text" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_markup_and_spaces_is_printed_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "[bold red] runs [" / "] x"
    main(arguments(folder))
    evaluate.main([str(folder)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f"Everything is in {folder}.")
    evaluation, paths = folder / "evaluation.json", folder / "glimpse_paths.png"
    assert lines[-1] == f"{evaluation} has the numbers, {paths} shows where the agent looked."
    assert f"--resume '{folder}'" in error_of(main, arguments(folder))


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in error_of(main, arguments(tmp_path / "file" / "run"))


def test_a_divergence_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(agent: agents.REINFORCE, rollout: object) -> None:
        raise agents.TrainingDiverged("the loss is nan")

    monkeypatch.setattr(agents.REINFORCE, "train", diverge)
    assert error_of(main, arguments(tmp_path)).startswith("error: training diverged: the loss is nan")


@pytest.mark.parametrize("command", [["nothing"], ["--resume", "nowhere"]])
def test_what_is_not_there_is_one_error(command: list[str]) -> None:
    assert command[-1] in error_of(main, command)


def test_an_error_is_a_line_of_its_own_and_exit_status_1(tmp_path: Path) -> None:
    """In a process of its own, where a progress bar may stand on the line."""
    code = """
import sys
from agents import REINFORCE, TrainingDiverged
from agents.command_line import evaluate
from agents.command_line.train import main
from agents.pretrained.history import read_history

def diverge(agent, rollout):
    raise TrainingDiverged("the loss is nan")

REINFORCE.train = diverge
main(["digits", "--run-folder", sys.argv[1]])
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    *_, last_line = ran.stderr.replace(b"\r", b"\n").splitlines()
    assert last_line.startswith(b"error: training diverged")
    assert ran.returncode == 1
    assert b"Traceback" not in ran.stderr
    assert b"\nerror: " in ran.stderr, "not on the line of the progress bar"


def test_help_names_every_argument_and_preset() -> None:
    command = [sys.executable, "-m", "agents", "train", "--help"]
    environment = os.environ | {"COLUMNS": "200"}
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    for word in ("--algorithm", "--core", "--reward", "--seed", "--images", "--run-folder", "--resume", *PRESETS):
        assert word == "tiny" or word in ran.stdout
