"""The face of all three algorithms: learn, save, load, predict, callbacks, logs; the same seed, the same weights."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
    CheckpointCallback,
    EvalCallback,
    EveryNTimesteps,
    LogEveryNTimesteps,
    StopTrainingOnMaxEpisodes,
    StopTrainingOnRewardThreshold,
)
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor

import agents
from agents import A2C, PPO, REINFORCE, Algorithm, GlimpseVecEnv, LossWeights, Schedule, TrainingDiverged

ID = "GlimpseDigits-v0"
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}
T, N = 6, 4
ROUND = T * N
EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", [REINFORCE, A2C, PPO])


def make(algorithm: type[Algorithm] = REINFORCE, env: Any = ID, core: str = "rnn", **changes: Any) -> Algorithm:
    arguments: dict[str, Any] = {"num_envs": N, "seed": 0, "device": "cpu"} | changes
    return algorithm("RAMPolicy", env, policy_kwargs=SIZES | {"core": core}, **arguments)


def weights(agent: Algorithm) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in agent.policy.state_dict().items()}


def assert_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Exactly: not one bit may differ."""
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


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


@EVERY_ALGORITHM
def test_learning_changes_every_weight(algorithm: type[Algorithm]) -> None:
    agent = make(algorithm)
    before = weights(agent)
    assert agent.learn(2 * ROUND) is agent
    unchanged = [name for name, weight in weights(agent).items() if torch.equal(weight, before[name])]
    assert unchanged == ["location_std"]
    assert all(weight.isfinite().all() for weight in weights(agent).values())


@EVERY_ALGORITHM
@pytest.mark.parametrize("reward", ["hard", "entropy", "information", "anytime"])
def test_every_reward_can_be_learnt_from(algorithm: type[Algorithm], reward: str) -> None:
    agent = make(algorithm, gym.make(ID, reward=reward)).learn(2 * ROUND)
    assert agent.num_timesteps == 2 * ROUND


@EVERY_ALGORITHM
def test_a_single_glimpse_can_be_learnt_from(algorithm: type[Algorithm], tmp_path: Path) -> None:
    agent = make(algorithm, gym.make(ID, num_glimpses=1))
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(2 * N, log_interval=1)
    agent.logger.close()
    assert agent.num_timesteps == 2 * N
    for row in read_log(tmp_path):
        assert all(np.isfinite(float(value)) for value in row.values()), row


@EVERY_ALGORITHM
@pytest.mark.parametrize("core", ["rnn", "lstm", "gru"])
@pytest.mark.filterwarnings("ignore:cpu has no instructions for bfloat16")
def test_mixed_precision_learns_in_float32_weights(algorithm: type[Algorithm], core: str) -> None:
    agent = make(algorithm, core=core, precision="bfloat16").learn(2 * ROUND)
    assert {weight.dtype for weight in weights(agent).values()} == {torch.float32}


def test_mixed_precision_warns_where_it_only_costs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for told in (True, None):
        monkeypatch.setattr("agents.algorithms.base.has_bfloat16", lambda device, told=told: told)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            make(precision="bfloat16").learn(ROUND)
    monkeypatch.setattr("agents.algorithms.base.has_bfloat16", lambda device: False)
    with pytest.warns(UserWarning, match="cpu has no instructions for bfloat16") as caught:
        make(precision="bfloat16").learn(ROUND)
    # Among others, as the garbage collector may warn at any time of what an earlier test left open.
    assert [warning.filename for warning in caught if warning.category is UserWarning] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(precision="float32").learn(ROUND)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@EVERY_ALGORITHM
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_learns_on_a_gpu_what_a_processor_can_use(algorithm: type[Algorithm], precision: str, tmp_path: Path) -> None:
    agent = make(algorithm, device="cuda", precision=precision)
    world: Any = agent.env.unwrapped
    assert agent.learn(2 * ROUND).device.type == world.device.type == world.world.canvases.device.type == "cuda"
    assert all(weight.is_cuda and weight.isfinite().all() for weight in weights(agent).values())
    agent.save(tmp_path / "agent")
    loaded = agents.load(tmp_path / "agent", device="cpu")
    assert_same_weights({name: weight.cpu() for name, weight in weights(agent).items()}, weights(loaded))
    observation, _ = agent.make_env(split="test").reset(seed=0)
    for mine, other in zip(
        agent.predict(observation, deterministic=True), loaded.predict(observation, deterministic=True), strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-3, atol=1e-3)
    assert loaded.learn(ROUND, reset_num_timesteps=False).num_timesteps == 3 * ROUND


def test_an_id_alone_is_enough() -> None:
    agent = REINFORCE("glimpse_env:GlimpseDigits-v0", policy_kwargs=SIZES, num_envs=2).learn(1)
    assert agent.num_timesteps == 2 * T
    assert agent.spec.environment.env_id == "glimpse_env:GlimpseDigits-v0"


def make_copies(num_envs: int, **arguments: Any) -> Any:
    return gym.make_vec(ID, num_envs=num_envs, vectorization_mode="vector_entry_point", **arguments)


@pytest.mark.parametrize("wrap", [lambda env: env, GlimpseVecEnv])
def test_a_vector_environment_says_how_many_copies_there_are(wrap: Any) -> None:
    env = wrap(make_copies(3))
    for settings in ({}, {"num_envs": 3}):
        agent = PPO("RAMPolicy", env, policy_kwargs=SIZES, device="cpu", **settings)
        assert agent.settings.num_envs == agent.env.num_envs == 3
        assert agent.learn(1).num_timesteps == 3 * T
    with pytest.raises(ValueError, match="expected num_envs to be that of the environment, 3, got 4"):
        PPO("RAMPolicy", env, num_envs=4)


def test_a_single_environment_does_not_say_how_many_copies_there_are() -> None:
    assert REINFORCE(gym.make(ID), device="cpu").settings.num_envs == REINFORCE(ID, device="cpu").settings.num_envs > 1


@pytest.mark.parametrize("policy", ["RAMPolicy", "MultiInputPolicy"])
def test_the_ten_lines_of_stable_baselines3(policy: str) -> None:
    agent = PPO(policy, gym.make(ID), num_envs=2, policy_kwargs=SIZES, verbose=0)
    agent.learn(total_timesteps=10)
    env = agent.make_env(split="test")
    observation, _ = env.reset(seed=0)
    state, ended, steps = None, False, 0
    while not ended:
        action, state = agent.predict(observation, state=state, deterministic=True)
        observation, _, ended, _, info = env.step(action)
        steps += 1
    assert steps == T
    assert info["prediction"] == action[2:].argmax()


def test_whole_rounds_are_learnt() -> None:
    agent = make().learn(ROUND + 1)
    assert agent.num_timesteps == 2 * ROUND
    assert agent.num_rollouts == 2


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"learning_rat": 0.1}, ValueError, "Unknown setting 'learning_rat'. Did you mean 'learning_rate'"),
        ({"n_epochs": 4}, ValueError, "Unknown setting 'n_epochs'"),
        ({"gamma": 0.9}, ValueError, "Unknown setting 'gamma': gamma is 1 and rollouts are whole episodes"),
        ({"n_steps": 5}, ValueError, "Unknown setting 'n_steps': gamma is 1 and rollouts are whole episodes"),
        ({"num_envs": 0}, ValueError, "expected num_envs to be at least 1, got 0"),
        ({"learning_rate": "fast"}, TypeError, "expected learning_rate to be a number or an agents.Schedule"),
        ({"core": "lsmt"}, ValueError, "Unknown core 'lsmt'. Did you mean 'lstm'"),
        ({"env": 3}, TypeError, "expected an environment or its id, got 3"),
        ({"env": "GlimpseDigitz-v0"}, ValueError, "Did you mean 'GlimpseDigits-v0'"),
    ],
)
def test_bad_arguments_are_refused(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(**changes)


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Unknown policy 'RAMPolic'\. Did you mean 'RAMPolicy'"):
        REINFORCE("RAMPolic", ID)
    with pytest.raises(ValueError, match="Unknown policy 'MlpPolicy'"):
        REINFORCE("MlpPolicy", ID)


def test_ppo_has_settings_of_its_own() -> None:
    with pytest.raises(ValueError, match="Did you mean 'n_epochs'"):
        make(PPO, n_epoch=3)
    assert make(PPO, n_epochs=3).settings.n_epochs == 3  # type: ignore[attr-defined]


@EVERY_ALGORITHM
def test_the_same_seed_gives_the_same_weights(algorithm: type[Algorithm]) -> None:
    one, other, third = (make(algorithm, seed=seed) for seed in (5, 5, 6))
    assert_same_weights(weights(one), weights(other))
    for agent in (one, third):
        agent.learn(3 * ROUND)
    torch.manual_seed(99)  # what others do with the global random numbers does not matter
    other.learn(3 * ROUND)
    assert_same_weights(weights(one), weights(other))
    assert not torch.equal(weights(one)["classifier.weight"], weights(third)["classifier.weight"])


def test_making_an_agent_leaves_the_global_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    make()
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_agents_differ() -> None:
    one, other = make(seed=None), make(seed=None)
    assert one.spec.seed != other.spec.seed
    assert not torch.equal(weights(one)["classifier.weight"], weights(other)["classifier.weight"])


def test_seeds_of_numpy_can_be_saved(tmp_path: Path) -> None:
    make(seed=np.int64(5)).save(tmp_path / "agent")
    assert agents.load(tmp_path / "agent").spec.seed == 5


SCHEDULES: dict[str, Any] = {"learning_rate": Schedule(1e-2, 1e-3, "cosine"), "location_std": Schedule(0.3, 0.1)}


@EVERY_ALGORITHM
@pytest.mark.parametrize("core", ["rnn", "lstm"])
def test_a_resumed_training_ends_as_one_that_was_never_interrupted(
    algorithm: type[Algorithm], core: str, tmp_path: Path
) -> None:
    planned = 6 * ROUND
    checkpoints = CheckpointCallback(save_freq=T, save_path=str(tmp_path), name_prefix="agent")
    agent = make(algorithm, core=core, **SCHEDULES).learn(planned, callback=checkpoints)
    assert len(list(tmp_path.iterdir())) == 6
    for rounds in (1, 4):
        steps = rounds * ROUND
        resumed = agents.load(tmp_path / f"agent_{steps}_steps.zip", device="cpu")
        assert resumed.num_timesteps == steps
        assert resumed.learn(planned - steps, reset_num_timesteps=False) is resumed
        assert resumed.num_timesteps == agent.num_timesteps
        assert_same_weights(weights(resumed), weights(agent))


def test_a_training_can_be_resumed_more_than_once(tmp_path: Path) -> None:
    planned = 6 * ROUND
    agent = make(**SCHEDULES).learn(planned)

    def interrupt(answers: dict[str, Any], _: Any) -> bool:
        return bool(answers["self"].num_rollouts % 2)

    halting = make(**SCHEDULES)
    halting.learn(planned, callback=interrupt)
    while halting.num_timesteps < planned:
        halting.save(tmp_path / "agent")
        halting = agents.load(tmp_path / "agent", device="cpu")
        halting.learn(planned - halting.num_timesteps, callback=interrupt, reset_num_timesteps=False)
    assert_same_weights(weights(halting), weights(agent))


def test_an_agent_that_was_loaded_learns_on_as_the_saved_one_does(tmp_path: Path) -> None:
    agent = make().learn(2 * ROUND)
    agent.save(tmp_path / "agent")
    loaded = REINFORCE.load(tmp_path / "agent", device="cpu")
    for one in (agent, loaded):
        one.learn(2 * ROUND, reset_num_timesteps=False)
        assert one.num_timesteps == 4 * ROUND
    assert_same_weights(weights(agent), weights(loaded))


def test_steps_are_counted_from_0_unless_told_otherwise() -> None:
    agent = make().learn(2 * ROUND)
    assert agent.learn(ROUND).num_timesteps == ROUND
    assert agent.learn(ROUND, reset_num_timesteps=False).num_timesteps == 2 * ROUND


def test_schedules_are_applied() -> None:
    class Watch(BaseCallback):
        def _on_step(self) -> bool:
            agent: Any = self.model
            seen.append((agent.optimizer.param_groups[0]["lr"], agent.policy.location_std.item()))
            return True

    seen: list[tuple[float, float]] = []
    make(learning_rate=Schedule(0.4, 0.0), location_std=Schedule(0.2, 0.1)).learn(4 * ROUND, callback=Watch())
    rates, deviations = zip(*seen[::T], strict=True)
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert deviations == pytest.approx([0.2, 0.175, 0.15, 0.125])


def test_callbacks_are_told_of_everything() -> None:
    recorder = Recorder()
    make().learn(2 * ROUND, callback=recorder)
    rollout = ["rollout start", "rollout end"]
    assert recorder.events == ["training start", *rollout, *rollout, "training end"]
    assert recorder.n_calls == 2 * T, "one call for each step of the vector environment, as SB3's"
    assert recorder.seen == [ROUND] * T + [2 * ROUND] * T


@pytest.mark.parametrize("wrap", [lambda one, other: [one, other], lambda one, other: CallbackList([one, other])])
def test_a_list_of_callbacks(wrap: Any) -> None:
    recorders = Recorder(), Recorder()
    make().learn(ROUND, callback=wrap(*recorders))
    assert [recorder.n_calls for recorder in recorders] == [T, T]


def test_a_function_is_called_and_can_stop_the_training() -> None:
    calls = []

    def stop(local: dict[str, Any], _: dict[str, Any]) -> bool:
        calls.append(local["self"].num_timesteps)
        return local["self"].num_timesteps < 2 * ROUND

    agent = make().learn(100 * ROUND, callback=stop)
    assert agent.num_timesteps == 2 * ROUND
    assert set(calls) == {ROUND, 2 * ROUND}


def test_a_checkpoint_callback_saves_agents_that_load(tmp_path: Path) -> None:
    make().learn(3 * ROUND, callback=CheckpointCallback(save_freq=T, save_path=str(tmp_path)))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"rl_model_{rounds * ROUND}_steps.zip" for rounds in (1, 2, 3)
    ]
    for rounds in (1, 2, 3):
        assert agents.load(tmp_path / f"rl_model_{rounds * ROUND}_steps").num_timesteps == rounds * ROUND


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.filterwarnings("ignore:Training and eval env are not of the same type")
def test_an_eval_callback_evaluates_and_keeps_the_best(tmp_path: Path, native: bool) -> None:
    agent = make()
    test_env: Any = (
        GlimpseVecEnv(agent.make_vec_env(5, split="test")) if native else Monitor(agent.make_env(split="test"))
    )
    callback = EvalCallback(
        test_env, n_eval_episodes=10, eval_freq=T, best_model_save_path=str(tmp_path), log_path=str(tmp_path), verbose=0
    )
    agent.learn(3 * ROUND, callback=callback)
    with np.load(tmp_path / "evaluations.npz") as log:
        assert log["timesteps"].tolist() == [ROUND, 2 * ROUND, 3 * ROUND]
        assert log["results"].shape == (3, 10)
        np.testing.assert_array_equal(log["results"], log["successes"])
        assert (log["ep_lengths"] == T).all()
        assert log["results"].mean(axis=1).max() == callback.best_mean_reward
    assert isinstance(agents.load(tmp_path / "best_model.zip"), REINFORCE)


def test_evaluating_does_not_change_the_training() -> None:
    plain, evaluated = make(), make()
    test_env = GlimpseVecEnv(evaluated.make_vec_env(5, split="test"))
    callback = EvalCallback(test_env, n_eval_episodes=5, eval_freq=T, deterministic=False, verbose=0)
    plain.learn(3 * ROUND)
    evaluated.learn(3 * ROUND, callback=callback)
    assert_same_weights(weights(plain), weights(evaluated))


def test_training_stops_at_a_reward_threshold() -> None:
    agent = make()
    callback = EvalCallback(
        GlimpseVecEnv(agent.make_vec_env(5)),
        callback_on_new_best=StopTrainingOnRewardThreshold(-1.0),
        n_eval_episodes=5,
        eval_freq=T,
        verbose=0,
    )
    assert agent.learn(10 * ROUND, callback=callback).num_timesteps == ROUND


def test_every_n_timesteps() -> None:
    recorder = Recorder()
    make().learn(6 * ROUND, callback=EveryNTimesteps(2 * ROUND, recorder))
    assert recorder.seen == [2 * ROUND, 4 * ROUND, 6 * ROUND]


@pytest.mark.parametrize("deterministic", [True, False])
def test_evaluate_policy_of_stable_baselines3(deterministic: bool) -> None:
    agent: Any = make()
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


def read_log(folder: Path) -> list[dict[str, str]]:
    with open(folder / "progress.csv", newline="") as file:
        return list(csv.DictReader(file))


TRAIN_KEYS = ["policy_gradient_loss", "classification_loss", "value_loss", "loss", "learning_rate", "location_std"]


@EVERY_ALGORITHM
def test_the_log_has_the_keys_of_stable_baselines3(algorithm: type[Algorithm], tmp_path: Path) -> None:
    agent = make(algorithm, learning_rate=0.01, location_std=0.25)
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(6 * ROUND, log_interval=2)
    agent.logger.close()
    rows = read_log(tmp_path)
    expected = {
        *(f"rollout/{name}" for name in ("ep_rew_mean", "ep_len_mean", "success_rate")),
        *(f"time/{name}" for name in ("fps", "iterations", "total_timesteps")),
        *(f"train/{name}" for name in TRAIN_KEYS),
    }
    assert expected <= set(rows[0])
    assert [int(row["time/total_timesteps"]) for row in rows] == [2 * ROUND, 4 * ROUND, 6 * ROUND]
    assert [int(row["time/iterations"]) for row in rows] == [2, 4, 6]
    for row in rows:
        assert row["rollout/ep_rew_mean"] == row["rollout/success_rate"], "so it is under the hard reward"
        assert float(row["rollout/ep_len_mean"]) == T
        assert float(row["train/learning_rate"]) == 0.01
        assert float(row["train/location_std"]) == 0.25
        assert float(row["train/loss"]) == pytest.approx(
            float(row["train/classification_loss"])
            + 0.1 * float(row["train/policy_gradient_loss"])
            + float(row["train/value_loss"]),
            rel=1e-3,
        )


def test_the_log_is_printed_if_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    make(verbose=0).learn(ROUND, log_interval=1)
    assert capsys.readouterr().out == ""
    make(verbose=1).learn(ROUND, log_interval=1)
    assert "success_rate" in capsys.readouterr().out


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    make(tensorboard_log=str(tmp_path)).learn(ROUND, log_interval=1)
    make(tensorboard_log=str(tmp_path)).learn(ROUND, log_interval=1, tb_log_name="other")
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["REINFORCE_1", "other_1"]
    for folder in tmp_path.iterdir():
        assert [file.name.split(".")[0] for file in folder.iterdir()] == ["events"]


def test_each_training_has_its_log_unless_it_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    agent = make(tensorboard_log=str(tmp_path))
    agent.learn(ROUND, tb_log_name="first").learn(ROUND, tb_log_name="second").learn(ROUND, tb_log_name="second")
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["first_1", "second_1", "second_2"]
    agent.learn(ROUND, tb_log_name="second", reset_num_timesteps=False)
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["first_1", "second_1", "second_2"]
    assert len(list((tmp_path / "second_2").iterdir())) == 2


def test_a_logger_of_ones_own_stays(tmp_path: Path) -> None:
    agent = make(tensorboard_log=str(tmp_path / "tensorboard"))
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    logger = agent.logger
    agent.learn(ROUND, log_interval=1).learn(ROUND, log_interval=1, tb_log_name="other", reset_num_timesteps=False)
    assert agent.logger is logger
    logger.close()
    assert len(read_log(tmp_path)) == 2
    assert not (tmp_path / "tensorboard").exists()


def test_a_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder()
    make().learn(2 * ROUND, callback=recorder, progress_bar=True)
    assert "accuracy=" in capsys.readouterr().err
    assert recorder.n_calls == 2 * T


@EVERY_ALGORITHM
def test_a_loss_that_is_not_finite_stops_the_training_with_finite_weights(
    algorithm: type[Algorithm], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make(algorithm).learn(ROUND)
    before = weights(agent)
    total = "agents.algorithms.losses.HybridLoss.total"
    monkeypatch.setattr(total, lambda self: self.classification * float("nan"))
    with pytest.raises(TrainingDiverged, match="after 48 steps the loss is nan"):
        agent.learn(ROUND, reset_num_timesteps=False)
    assert_same_weights(weights(agent), before)


@EVERY_ALGORITHM
def test_a_gradient_that_is_not_finite_stops_the_training_with_finite_weights(algorithm: type[Algorithm]) -> None:
    agent = make(algorithm, loss_weights=LossWeights(policy=0.1, baseline=1e38))
    with torch.no_grad():
        agent.policy.baseline.bias.fill_(1e3)
    before = weights(agent)
    with pytest.raises(TrainingDiverged, match="gradient's norm"):
        agent.learn(ROUND)
    assert_same_weights(weights(agent), before)


@EVERY_ALGORITHM
def test_a_learning_rate_that_is_far_too_high_stops_the_training(algorithm: type[Algorithm], tmp_path: Path) -> None:
    agent = make(algorithm, learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match=r"after \d+ steps"):
        agent.learn(20 * ROUND)
    assert all(weight.isfinite().all() for weight in weights(agent).values())
    agent.save(tmp_path / "agent")
    agents.load(tmp_path / "agent")


def state(agent: Algorithm) -> dict[str, torch.Tensor]:
    """Weights, optimizer and random numbers."""
    moments = {
        f"{number} {name}": value.clone()
        for number, moments in agent.optimizer.state_dict()["state"].items()
        for name, value in moments.items()
    }
    return weights(agent) | moments | {"generator": agent.generator.get_state()}


@EVERY_ALGORITHM
def test_divergence_brings_the_last_good_state_back(
    algorithm: type[Algorithm], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept of the round that diverged, not even what PPO had learnt of it before."""
    monkeypatch.setattr("agents.algorithms.base.SNAPSHOT_ITERATIONS", 2)
    planned = 6 * ROUND
    agent, plain = make(algorithm, **SCHEDULES), make(algorithm, **SCHEDULES).learn(planned)
    minimise, good, calls = agent._minimise, [], []
    fatal = 3 * 4 + 2 if algorithm is PPO else 4  # in the fourth round

    def diverge(*arguments: Any, **metrics: Any) -> None:
        calls.append(arguments)
        if len(calls) == fatal:
            raise TrainingDiverged("the loss is nan")
        minimise(*arguments, **metrics)

    class Watch(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            good.append(state(agent))

    monkeypatch.setattr(agent, "_minimise", diverge)
    with pytest.raises(TrainingDiverged, match="the loss is nan"):
        agent.learn(planned, callback=Watch())
    assert len(good) == 3
    assert_same_weights(state(agent), good[1])
    assert (agent.num_rollouts, agent.num_timesteps) == (2, 2 * ROUND)
    agent.learn(planned - agent.num_timesteps, reset_num_timesteps=False)
    assert_same_weights(weights(agent), weights(plain))


@EVERY_ALGORITHM
@pytest.mark.parametrize("rounds", [1, 20])
def test_no_saved_agent_is_unable_to_act(algorithm: type[Algorithm], rounds: int, tmp_path: Path) -> None:
    """Weights of 1e18 are finite, but what they make of a glimpse is not."""
    agent = make(algorithm, learning_rate=1e18)
    checkpoints = CheckpointCallback(save_freq=T, save_path=str(tmp_path))
    with pytest.raises(TrainingDiverged):
        agent.learn(rounds * ROUND, callback=checkpoints)
    agent.save(tmp_path / "agent")
    for path in tmp_path.iterdir():
        loaded = agents.load(path, device="cpu")
        assert np.isfinite(agents.evaluate(loaded).mean_return)


def test_using_the_environment_between_two_trainings_changes_nothing() -> None:
    plain, used = make(), make()
    plain.learn(2 * ROUND).learn(2 * ROUND, reset_num_timesteps=False)
    used.learn(2 * ROUND)
    evaluated: Any = used
    evaluate_policy(evaluated, used.get_env(), 3)
    used.learn(2 * ROUND, reset_num_timesteps=False)
    assert_same_weights(weights(plain), weights(used))


def test_the_accuracy_is_of_the_weights_that_it_was_measured_with() -> None:
    agent = make().learn(ROUND)
    agent.accuracy = 0.5
    assert agent.learn(0).accuracy == 0.5
    assert agent.learn(ROUND).accuracy is None


def test_all_of_the_training_is_left_before_it_begins() -> None:
    agent = make()
    assert agent.progress_remaining == 1
    assert agent.learn(ROUND).progress_remaining == 0


def test_the_log_can_be_left_to_a_callback(tmp_path: Path) -> None:
    agent = make()
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(6 * ROUND, callback=LogEveryNTimesteps(3 * ROUND), log_interval=None)
    agent.logger.close()
    assert [int(row["time/total_timesteps"]) for row in read_log(tmp_path)] == [3 * ROUND, 6 * ROUND]


def test_both_a_callback_and_an_interval_can_log(tmp_path: Path) -> None:
    agent = make()
    agent.set_logger(configure(str(tmp_path), ["csv"]))
    agent.learn(2 * ROUND, callback=LogEveryNTimesteps(ROUND), log_interval=1)
    agent.logger.close()
    assert len(read_log(tmp_path)) == 4


def test_training_stops_after_a_number_of_episodes() -> None:
    agent = make().learn(10 * ROUND, callback=StopTrainingOnMaxEpisodes(3))
    assert agent.num_rollouts == 3


def test_callbacks_see_where_episodes_end() -> None:
    ends: list[Any] = []
    make().learn(ROUND, callback=lambda seen, _: ends.append(seen["dones"].tolist()) or True)  # type: ignore[func-returns-value]
    assert ends == [[False] * N] * (T - 1) + [[True] * N]


def test_the_agent_makes_environments_of_its_own_kind() -> None:
    agent = make(env=gym.make(ID, reward="entropy", num_glimpses=3))
    env: Any = agent.make_env(split="test")
    assert env.unwrapped.world.config.num_glimpses == 3
    assert env.unwrapped.world.config.split == "test"
    envs: Any = agent.make_vec_env(7, split="test")
    assert envs.num_envs == 7
    assert envs.unwrapped.world.config.num_glimpses == 3
    assert agent.num_glimpses == 3
    assert agent.env.num_envs == N


def test_the_callers_environment_is_left_alone() -> None:
    env: Any = gym.make(ID)
    env.reset(seed=3)
    before = env.unwrapped.world.indices.clone()
    make(env=env).learn(ROUND)
    assert torch.equal(env.unwrapped.world.indices, before)


def test_the_recent_accuracy_is_that_of_the_rounds() -> None:
    agent = make()
    assert agent.recent_accuracy == 0
    agent.learn(5 * ROUND)
    assert 0 <= agent.recent_accuracy <= 1


def test_it_learns() -> None:
    agent = REINFORCE(
        ID,
        policy_kwargs={"hidden_size": 64, "what_size": 32, "where_size": 32},
        num_envs=64,
        learning_rate=3e-3,
        seed=0,
        device="cpu",
    )
    agent.learn(64 * T * 250)
    assert agent.recent_accuracy > 0.4, "a guess is right one time in ten"
