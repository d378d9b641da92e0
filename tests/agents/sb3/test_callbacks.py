"""Callbacks: each form of them, those of Stable-Baselines3, and the progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    CheckpointCallback,
    EvalCallback,
    EveryNTimesteps,
    StopTrainingOnMaxEpisodes,
    StopTrainingOnRewardThreshold,
)
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from tqdm import tqdm

import agents
from agents import REINFORCE, GlimpseVecEnv
from agents.sb3 import callbacks
from tests.agents.making import ITERATION, N, T, assert_same_weights, make_agent, weights


class Recorder(BaseCallback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []
        self.events: list[str] = []

    def _on_training_start(self) -> None:
        self.events.append("training start")

    def _on_rollout_start(self) -> None:
        self.events.append("rollout start")

    def _on_step(self) -> bool:
        self.seen.append(self.num_timesteps)
        return True

    def _on_rollout_end(self) -> None:
        self.events.append("rollout end")

    def _on_training_end(self) -> None:
        self.events.append("training end")


def test_callbacks_are_told_of_everything() -> None:
    recorder = Recorder()
    make_agent().learn(2 * ITERATION, callback=recorder)
    rollout = ["rollout start", "rollout end"]
    assert recorder.events == ["training start", *rollout, *rollout, "training end"]
    assert recorder.n_calls == 2 * T, "one call for each step of the vector environment, as SB3's"
    assert recorder.seen == [ITERATION] * T + [2 * ITERATION] * T


@pytest.mark.parametrize("wrap", [lambda one, other: [one, other], lambda one, other: CallbackList([one, other])])
def test_a_list_of_callbacks(wrap: Any) -> None:
    recorders = Recorder(), Recorder()
    make_agent().learn(ITERATION, callback=wrap(*recorders))
    assert [recorder.n_calls for recorder in recorders] == [T, T]


def test_a_function_is_called_and_can_stop_the_training() -> None:
    calls = []

    def stop(local: dict[str, Any], _: dict[str, Any]) -> bool:
        calls.append(local["self"].num_timesteps)
        return local["self"].num_timesteps < 2 * ITERATION

    agent = make_agent().learn(100 * ITERATION, callback=stop)
    assert agent.num_timesteps == 2 * ITERATION
    assert set(calls) == {ITERATION, 2 * ITERATION}


def test_a_checkpoint_callback_saves_agents_that_load(tmp_path: Path) -> None:
    make_agent().learn(3 * ITERATION, callback=CheckpointCallback(save_freq=T, save_path=str(tmp_path)))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"rl_model_{iterations * ITERATION}_steps.zip" for iterations in (1, 2, 3)
    ]
    for iterations in (1, 2, 3):
        assert (
            agents.load(tmp_path / f"rl_model_{iterations * ITERATION}_steps").num_timesteps == iterations * ITERATION
        )


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.filterwarnings("ignore:Training and eval env are not of the same type")
def test_an_eval_callback_evaluates_and_keeps_the_best(tmp_path: Path, native: bool) -> None:
    agent = make_agent()
    test_env: Any = (
        GlimpseVecEnv(agent.make_vec_env(5, split="test")) if native else Monitor(agent.make_env(split="test"))
    )
    callback = EvalCallback(
        test_env, n_eval_episodes=10, eval_freq=T, best_model_save_path=str(tmp_path), log_path=str(tmp_path), verbose=0
    )
    agent.learn(3 * ITERATION, callback=callback)
    with np.load(tmp_path / "evaluations.npz") as log:
        assert log["timesteps"].tolist() == [ITERATION, 2 * ITERATION, 3 * ITERATION]
        assert log["results"].shape == (3, 10)
        np.testing.assert_array_equal(log["results"], log["successes"])
        assert (log["ep_lengths"] == T).all()
        assert log["results"].mean(axis=1).max() == callback.best_mean_reward
    assert isinstance(agents.load(tmp_path / "best_model.zip"), REINFORCE)


def test_evaluating_does_not_change_the_training() -> None:
    plain, evaluated = make_agent(), make_agent()
    test_env = GlimpseVecEnv(evaluated.make_vec_env(5, split="test"))
    callback = EvalCallback(test_env, n_eval_episodes=5, eval_freq=T, deterministic=False, verbose=0)
    plain.learn(3 * ITERATION)
    evaluated.learn(3 * ITERATION, callback=callback)
    assert_same_weights(weights(plain), weights(evaluated))


def test_training_stops_at_a_reward_threshold() -> None:
    agent = make_agent()
    callback = EvalCallback(
        GlimpseVecEnv(agent.make_vec_env(5)),
        callback_on_new_best=StopTrainingOnRewardThreshold(-1.0),
        n_eval_episodes=5,
        eval_freq=T,
        verbose=0,
    )
    assert agent.learn(10 * ITERATION, callback=callback).num_timesteps == ITERATION


def test_every_n_timesteps() -> None:
    recorder = Recorder()
    make_agent().learn(6 * ITERATION, callback=EveryNTimesteps(2 * ITERATION, recorder))
    assert recorder.seen == [2 * ITERATION, 4 * ITERATION, 6 * ITERATION]


@pytest.mark.parametrize("deterministic", [True, False])
def test_evaluate_policy_of_stable_baselines3(deterministic: bool) -> None:
    agent: Any = make_agent()
    env = GlimpseVecEnv(agent.make_vec_env(5, split="test"))
    rewards: Any
    lengths: Any
    mean: Any
    rewards, lengths = evaluate_policy(agent, env, 12, deterministic=deterministic, return_episode_rewards=True)
    assert len(rewards) == 12
    assert set(lengths) == {T}
    assert set(rewards) <= {0.0, 1.0}
    mean, _ = evaluate_policy(agent, Monitor(agent.make_env(split="test")), 3, deterministic=deterministic)
    assert 0 <= mean <= 1


def test_training_stops_after_a_number_of_episodes() -> None:
    agent = make_agent().learn(10 * ITERATION, callback=StopTrainingOnMaxEpisodes(3))
    assert agent.num_rollouts == 3


def test_callbacks_see_where_episodes_end() -> None:
    ends: list[Any] = []
    make_agent().learn(ITERATION, callback=lambda seen, _: ends.append(seen["dones"].tolist()) or True)  # type: ignore[func-returns-value]
    assert ends == [[False] * N] * (T - 1) + [[True] * N]


def test_no_callback_never_stops_a_training() -> None:
    callback = callbacks.as_callback(None)
    callback.init_callback(make_agent())
    assert all(callback.on_step() for _ in range(5))


def test_a_callback_is_taken_as_it_is() -> None:
    recorder = Recorder()
    assert callbacks.as_callback(recorder) is recorder


def test_a_list_is_left_as_it_was() -> None:
    recorders = [Recorder(), Recorder()]
    make_agent().learn(ITERATION, callback=recorders, progress_bar=True)
    assert len(recorders) == 2


class Bar(tqdm):  # type: ignore[misc]
    """Remembers the bars that were made and what they showed."""

    made: list[Bar] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown: list[tuple[float, str]] = []
        self.closed = False
        Bar.made.append(self)

    def update(self, n: float | None = 1) -> bool | None:
        result: bool | None = super().update(n)
        self.shown.append((self.n, self.postfix))
        return result

    def close(self) -> None:
        super().close()
        self.closed = True


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[Bar]:
    monkeypatch.setattr(callbacks, "tqdm", Bar)
    monkeypatch.setattr(Bar, "made", [])
    return Bar.made


def test_the_progress_bar_counts_steps_and_shows_the_accuracy(bars: list[Bar]) -> None:
    agent = make_agent().learn(3 * ITERATION, progress_bar=True)
    (bar,) = bars
    assert bar.total == 3 * ITERATION
    assert [steps for steps, _ in bar.shown] == [ITERATION, 2 * ITERATION, 3 * ITERATION]
    assert bar.shown[-1][1] == f"accuracy={agent.recent_accuracy:.1%}"
    assert bar.closed


def test_the_progress_bar_goes_on_where_training_was_interrupted(bars: list[Bar]) -> None:
    agent = make_agent().learn(ITERATION, progress_bar=True)
    agent.learn(2 * ITERATION, reset_num_timesteps=False, progress_bar=True)
    assert bars[1].initial == ITERATION
    assert bars[1].total == 3 * ITERATION
    assert [steps for steps, _ in bars[1].shown] == [2 * ITERATION, 3 * ITERATION]


@pytest.mark.parametrize("total_timesteps", [1, ITERATION - 1, ITERATION + 1, 3 * ITERATION])
def test_the_progress_bar_ends_at_its_total(total_timesteps: int, bars: list[Bar]) -> None:
    agent = make_agent().learn(total_timesteps, progress_bar=True)
    assert bars[0].total == bars[0].n == agent.num_timesteps


def test_there_is_no_progress_bar_by_default(bars: list[Bar]) -> None:
    make_agent().learn(ITERATION)
    assert bars == []


def test_a_training_that_a_callback_stops_closes_the_progress_bar(bars: list[Bar]) -> None:
    make_agent().learn(9 * ITERATION, callback=lambda *_: False, progress_bar=True)
    assert bars[0].closed


def test_a_training_that_fails_closes_the_progress_bar(bars: list[Bar]) -> None:
    def fail(*_: Any) -> bool:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        make_agent().learn(9 * ITERATION, callback=fail, progress_bar=True)
    assert bars[0].closed
