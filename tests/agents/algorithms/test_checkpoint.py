"""The state of a training: snapshots, files of the format before, and trainings that resume from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3.common.callbacks import CheckpointCallback

import agents
from agents import A2C, REINFORCE, Algorithm, InvalidAgentError
from agents.algorithms.checkpoint import AGENTS, FORMAT, SETTINGS_BEFORE_FORMAT_2, TrainingState
from glimpse_env.utils.archive import Archive
from tests.agents.making import (
    EVERY_ALGORITHM,
    ITERATION,
    SCHEDULES,
    T,
    assert_same_weights,
    make_agent,
    training_state,
    weights,
)
from tests.archives import unpack

FORMAT_1 = Archive("agent", 1, InvalidAgentError)
PATH = ((0.5, -0.5), (-0.25, 0.75))


@EVERY_ALGORITHM
def test_restoring_a_snapshot_brings_everything_back(algorithm: type[Algorithm]) -> None:
    agent = make_agent(algorithm).learn(2 * ITERATION)
    agent.accuracy = 0.25
    before = training_state(agent)
    snapshot = agent.state.snapshot()
    agent.learn(3 * ITERATION, reset_num_timesteps=False)
    assert agent.accuracy is None
    agent.state.restore(*snapshot)
    assert_same_weights(training_state(agent), before)
    counters = (agent.num_timesteps, agent.num_rollouts, agent.total_timesteps)
    assert counters == (2 * ITERATION, 2, 2 * ITERATION)
    assert agent.accuracy == 0.25


def test_training_goes_on_from_a_snapshot_as_often_as_it_is_restored() -> None:
    agent = make_agent(**SCHEDULES).learn(2 * ITERATION)
    snapshot = agent.state.snapshot()
    first = weights(agent.learn(2 * ITERATION, reset_num_timesteps=False))
    for _ in range(2):
        agent.state.restore(*snapshot)
        assert_same_weights(weights(agent.learn(2 * ITERATION, reset_num_timesteps=False)), first)


def test_the_untrained_state_depends_on_the_seed_alone() -> None:
    spec = make_agent(seed=3).spec
    torch.manual_seed(1)
    one = TrainingState.untrained(spec, torch.device("cpu"))
    torch.manual_seed(2)
    other = TrainingState.untrained(spec, torch.device("cpu"))
    assert_same_weights(dict(one.policy.state_dict()), dict(other.policy.state_dict()))
    assert torch.equal(one.generator.get_state(), other.generator.get_state())
    assert (one.num_timesteps, one.num_rollouts, one.total_timesteps, one.accuracy) == (0, 0, 0, None)


@pytest.mark.parametrize(("steps", "total", "expected"), [(0, 0, 1), (0, 8, 1), (2, 8, 0.75), (8, 8, 0), (9, 8, 0)])
def test_progress_remaining_goes_from_1_to_0(steps: int, total: int, expected: float) -> None:
    state = make_agent().state
    state.num_timesteps, state.total_timesteps = steps, total
    assert state.progress_remaining == expected


def write_format_1(agent: Algorithm, path: Path) -> None:
    """Writes an agent as format 1 did: some settings had other names, and A2C had none of its own."""
    agent.save(path)
    description, tensors = unpack(path)
    settings = description["agent"]["settings"]
    for old, new in SETTINGS_BEFORE_FORMAT_2.items():
        settings[old] = settings.pop(new)
    if isinstance(agent, A2C):
        del settings["gae_lambda"]
    FORMAT_1.write(path, description, tensors)


@EVERY_ALGORITHM
def test_files_of_format_1_load_and_train_on_as_before(algorithm: type[Algorithm], tmp_path: Path) -> None:
    cloning: dict[str, Any] = {"demonstration_path": PATH, "warmup_fraction": 0.6, "exploration_fraction": 0.5}
    agent = make_agent(algorithm, **cloning, **SCHEDULES)
    planned = 6 * ITERATION
    # Interrupted after the second of six iterations: the warm-up goes on in the third and the fourth.
    agent.learn(planned, callback=lambda local, _: local["self"].num_rollouts < 2)
    write_format_1(agent, tmp_path / "agent.zip")
    loaded = agents.load(tmp_path / "agent.zip", device="cpu")
    assert loaded.settings == agent.settings
    for one in (agent, loaded):
        one.learn(planned - one.num_timesteps, reset_num_timesteps=False)
    assert_same_weights(weights(loaded), weights(agent))


def test_a_file_of_format_1_has_the_old_names(tmp_path: Path) -> None:
    write_format_1(make_agent(), tmp_path / "agent.zip")
    settings = unpack(tmp_path / "agent.zip")[0]["agent"]["settings"]
    assert {"first_path", "first_share", "stray_share"} < set(settings)


def test_old_names_are_refused_in_files_of_the_present_format(tmp_path: Path) -> None:
    write_format_1(make_agent(), tmp_path / "agent.zip")
    description, tensors = unpack(tmp_path / "agent.zip")
    AGENTS.write(tmp_path / "agent.zip", description | {"format": FORMAT}, tensors)
    with pytest.raises(InvalidAgentError, match="Unknown setting 'first_path'"):
        agents.load(tmp_path / "agent.zip")


@EVERY_ALGORITHM
@pytest.mark.parametrize("core", ["rnn", "lstm"])
def test_a_resumed_training_ends_as_one_that_was_never_interrupted(
    algorithm: type[Algorithm], core: str, tmp_path: Path
) -> None:
    planned = 6 * ITERATION
    checkpoints = CheckpointCallback(save_freq=T, save_path=str(tmp_path), name_prefix="agent")
    agent = make_agent(algorithm, core=core, **SCHEDULES).learn(planned, callback=checkpoints)
    assert len(list(tmp_path.iterdir())) == 6
    for iterations in (1, 4):
        steps = iterations * ITERATION
        resumed = agents.load(tmp_path / f"agent_{steps}_steps.zip", device="cpu")
        assert resumed.num_timesteps == steps
        assert resumed.learn(planned - steps, reset_num_timesteps=False) is resumed
        assert resumed.num_timesteps == agent.num_timesteps
        assert_same_weights(weights(resumed), weights(agent))


def test_a_training_can_be_resumed_more_than_once(tmp_path: Path) -> None:
    planned = 6 * ITERATION
    agent = make_agent(**SCHEDULES).learn(planned)

    def interrupt(local: dict[str, Any], _: Any) -> bool:
        return bool(local["self"].num_rollouts % 2)

    interrupted: Algorithm = make_agent(**SCHEDULES)
    interrupted.learn(planned, callback=interrupt)
    while interrupted.num_timesteps < planned:
        interrupted.save(tmp_path / "agent")
        interrupted = agents.load(tmp_path / "agent", device="cpu")
        interrupted.learn(planned - interrupted.num_timesteps, callback=interrupt, reset_num_timesteps=False)
    assert_same_weights(weights(interrupted), weights(agent))


def test_a_loaded_agent_learns_on_as_the_saved_one_does(tmp_path: Path) -> None:
    agent = make_agent().learn(2 * ITERATION)
    agent.save(tmp_path / "agent")
    loaded = REINFORCE.load(tmp_path / "agent", device="cpu")
    for one in (agent, loaded):
        one.learn(2 * ITERATION, reset_num_timesteps=False)
        assert one.num_timesteps == 4 * ITERATION
    assert_same_weights(weights(agent), weights(loaded))
