"""In every autoreset mode the vector environment is Gymnasium's `SyncVectorEnv` over the same id, step for step."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from glimpse_env import DiscreteActions, VectorDiscreteActions
from glimpse_env.autoreset import read_autoreset_mode
from glimpse_env.dataset_rollout import dataset_rollout
from tests.glimpse_env.environment.playing_vectors import (
    CLUTTERED,
    PLAIN,
    N,
    as_numpy,
    assert_same,
    assert_same_types,
    native,
    sample,
)

T = 3
MODES = {"same_step": AutoresetMode.SAME_STEP, "next_step": AutoresetMode.NEXT_STEP, "disabled": AutoresetMode.DISABLED}


def vector(mode: Any, env_id: str = PLAIN, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    return native(env_id, autoreset_mode=mode, **arguments)


def singles(mode: str, env_id: str = PLAIN, **arguments: Any) -> VectorEnv[Any, Any, Any]:
    # Without the checker, which asserts before the environment can ignore an action.
    makers = [lambda: gym.make(env_id, disable_env_checker=True, **arguments)] * N
    return SyncVectorEnv(makers, autoreset_mode=MODES[mode])


def run(envs: VectorEnv[Any, Any, Any], calls: list[Any], device: str | None = None) -> list[Any]:
    """What the calls return: a `reset` for each dict of arguments, a `step` for each action."""
    returned = []
    for call in calls:
        if isinstance(call, dict):
            # Gymnasium takes the mask out of the options.
            returned.append(envs.reset(**{name: copy(value) for name, value in call.items()}))
        else:
            returned.append(envs.step(call if device is None else torch.from_numpy(call)))
    return as_numpy(returned)


def with_final_batches(returned: list[Any]) -> list[Any]:
    """With `final_obs` as a batch of those sub-environments that it is about."""
    for *_, infos in returned:
        if "final_obs" in infos:
            rows = np.flatnonzero(infos["_final_obs"])
            final = infos["final_obs"]
            if isinstance(final, dict):
                infos["final_obs"] = {key: value[rows] for key, value in final.items()}
            else:
                infos["final_obs"] = {key: np.stack([final[row][key] for row in rows]) for key in final[rows[0]]}
    return returned


def invent_calls(mode: str, seed: int, count: int = 50) -> list[Any]:
    """Steps, and resets of all or of some, such that no step is refused. The first ten have no resets of some."""
    rng = np.random.default_rng(seed)
    actions = sample(count, seed=seed)
    calls: list[Any] = [{"seed": 7}]
    num_steps = np.zeros(N, dtype=int)
    for number in range(count):
        over = num_steps == T
        must_reset = mode == "disabled" and over.any()
        if not must_reset and (number < 10 or rng.random() < 0.75):
            num_steps = np.where(over, 0, num_steps + 1)
            if mode == "same_step":
                num_steps[num_steps == T] = 0
            calls.append(actions[number])
            continue
        mask = over & must_reset | (rng.random(N) < rng.choice([0.3, 1.0]))
        mask[rng.integers(N)] = True
        reset: dict[str, Any] = {"options": {"reset_mask": mask}}
        if number < 10 or rng.random() < 0.3:
            reset, mask = {}, np.ones(N, dtype=bool)
        num_steps[mask] = 0
        seeds = [int(one) if rng.random() < 0.5 else None for one in rng.integers(100, size=N)]
        calls.append(reset | {"seed": [None, None, int(rng.integers(100)), seeds][rng.integers(4)]})
    return calls


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        (PLAIN, {"reward": "hard", "num_scales": 2}),
        (PLAIN, {"reward": "entropy"}),
        (PLAIN, {"reward": "anytime", "split": "test"}),
        (PLAIN, {"reward": None}),
        (CLUTTERED, {"reward": "information", "context_size": 5}),
        (CLUTTERED, {"split": "test", "initial_location": (0.5, 0.0)}),
    ],
)
def test_a_mode_is_that_of_gymnasium(mode: str, env_id: str, arguments: dict[str, Any]) -> None:
    others, mine, tensors = (
        make(mode, env_id, num_glimpses=T, **arguments, **more)
        for make, more in [(singles, {}), (vector, {}), (vector, {"device": "cpu"})]
    )
    for seed in range(2):
        calls = invent_calls(mode, seed)
        expected, got = run(others, calls), run(mine, calls)
        assert_same(got, expected)
        assert_same_types(got, expected)
        assert_same(with_final_batches(run(tensors, calls, "cpu")), with_final_batches(got))


@pytest.mark.parametrize("mode", MODES)
def test_discrete_actions_in_every_mode(mode: str) -> None:
    cells = np.random.default_rng(0).integers(0, 9, (3 * T, N, 2))
    calls = [{"seed": 3}, *cells]
    if mode == "disabled":
        for start in (2 * T + 1, T + 1):
            calls.insert(start, {"options": {"reset_mask": np.ones(N, dtype=bool)}})
    makers = [lambda: DiscreteActions(gym.make(PLAIN, num_glimpses=T), grid=3)] * N
    others = SyncVectorEnv(makers, autoreset_mode=MODES[mode])
    assert_same(run(VectorDiscreteActions(vector(mode, num_glimpses=T), grid=3), calls), run(others, calls))


@pytest.mark.parametrize("mode", MODES)
def test_gymnasiums_statistics_in_every_mode(mode: str) -> None:
    calls = [call for call in invent_calls(mode, 0, 10) if not isinstance(call, dict) or "options" not in call]
    got, expected = (
        run(RecordEpisodeStatistics(make(mode, reward="entropy", num_glimpses=T)), calls) for make in (vector, singles)
    )
    for *_, infos in [*got, *expected]:
        if "episode" in infos:
            del infos["episode"]["t"]  # the time it took
    assert any("episode" in step[-1] for step in got)
    assert_same(got, expected)


@pytest.mark.parametrize("mode", MODES)
def test_environment_and_wrappers_say_their_mode(mode: str) -> None:
    for given in (mode, MODES[mode]):
        envs = vector(given, reward="entropy")
        discrete = VectorDiscreteActions(vector(given), grid=2)
        for layer in (envs, envs.unwrapped, discrete):
            assert layer.autoreset_mode is MODES[mode]  # type: ignore[attr-defined]
            assert layer.metadata["autoreset_mode"] is MODES[mode]
    assert vector("same_step").metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


def test_same_step_is_the_default() -> None:
    assert native().metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Unknown autoreset_mode 'nextstep'\. Did you mean 'next_step'"):
        vector("nextstep")
    with pytest.raises(ValueError, match=r"Unknown autoreset_mode None\..* 'next_step', 'same_step', 'disabled'"):
        read_autoreset_mode(None)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_the_step_that_resets_ignores_its_actions(device: str | None) -> None:
    envs, others = (vector("next_step", num_glimpses=T, reward="entropy", device=device) for _ in range(2))
    calls: list[Any] = [{"seed": 0}, *sample(T), sample(1)[0], sample(1)[0]]
    expected = run(others, calls, device)
    calls[T + 1] = np.full_like(calls[T + 1], np.nan)
    assert_same(run(envs, calls, device), expected)
    # As well where only some are reset.
    mask = np.arange(N) < 2
    calls = [{"options": {"reset_mask": mask}}, *sample(T - 2), *sample(3)]
    for one in (envs, others):
        one.reset(seed=1)
        run(one, [sample(1)[0]], device)
    expected = run(others, calls, device)
    calls[T][~mask] = np.inf
    assert_same(run(envs, calls, device), expected)


@pytest.mark.parametrize("mode", MODES)
def test_actions_that_count_are_checked_beside_those_that_do_not(mode: str) -> None:
    envs = vector(mode, num_glimpses=T)
    run(envs, [{"seed": 0}, *sample(1), {"options": {"reset_mask": np.arange(N) < 2}}, *sample(T - 2)])
    for bad in (np.nan, np.inf):
        actions = sample(1)[0]
        actions[0, 0] = bad
        with pytest.raises(ValueError, match="finite"):
            envs.step(actions)
    for wrong in (sample(1)[0][:-1], sample(1)[0].astype(int), None, 3):
        with pytest.raises((TypeError, ValueError), match="expected"):
            envs.step(wrong)


def test_without_autoreset_a_step_after_the_end_is_refused() -> None:
    envs = vector("disabled", num_glimpses=T)
    actions = sample(T + 1)
    run(envs, [{"seed": 0}, *actions[:T]])
    with pytest.raises(ResetNeeded, match=r"ended with step 3: call reset\(\)"):
        envs.step(actions[T])
    envs.reset(options={"reset_mask": np.arange(N) != 3})
    with pytest.raises(ResetNeeded, match=r"the episodes of sub-environments \[3\] ended: call reset\(\)"):
        envs.step(actions[T])
    envs.reset(options={"reset_mask": np.arange(N) == 3})
    envs.step(actions[T])


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.zeros(N, dtype=bool), ValueError, "True somewhere"),
        (np.ones(N + 1, dtype=bool), ValueError, r"shape \(5,\), got \(6,\)"),
        (True, ValueError, r"shape \(5,\), got \(\)"),
        (np.ones(N), TypeError, "booleans"),
        ([1, 0, 0, 0, 0], TypeError, "booleans"),
        ("all", TypeError, "booleans"),
        ([True, [True]], ValueError, "regular array"),
    ],
)
def test_a_mask_that_makes_no_sense_is_refused_and_changes_nothing(
    mask: Any, error: type[Exception], message: str
) -> None:
    envs, untouched = (vector("disabled", num_glimpses=T) for _ in range(2))
    first = sample(1)[0]
    for one in (envs, untouched):
        run(one, [{"seed": 0}, first])
    with pytest.raises(error, match=message):
        envs.reset(seed=9, options={"reset_mask": mask})
    assert_same(envs.step(first), untouched.step(first))


@pytest.mark.parametrize("mask", [[True, False, True, False, False], torch.tensor([True, False, True, False, False])])
def test_a_mask_may_be_a_list_or_a_tensor_and_is_left_in_the_options(mask: Any) -> None:
    envs = vector("disabled")
    with pytest.raises(ResetNeeded, match="before all were"):
        envs.reset(options={"reset_mask": mask})
    envs.reset(seed=0)
    options = {"reset_mask": mask, "index": np.arange(N)}
    infos = envs.reset(options=options)[1]
    assert infos["index"].tolist() == [0, 0, 2, 0, 0]
    assert infos["_index"].tolist() == [True, False, True, False, False]
    assert options["reset_mask"] is mask


def test_an_episode_can_be_chosen_for_some() -> None:
    envs, whole = vector("disabled"), vector("disabled")
    third = [whole.reset(seed=0), whole.reset(), whole.reset()][2][1]["index"]
    envs.reset(seed=0)
    rows = np.arange(N) < 3
    infos = envs.reset(options={"reset_mask": rows, "episode": 2})[1]
    assert infos["index"][:3].tolist() == third[:3].tolist()


def test_what_was_returned_stays_as_it_was_when_some_are_reset() -> None:
    for device in (None, "cpu"):
        envs = vector("disabled", CLUTTERED, num_glimpses=T, device=device)
        before = [envs.reset(seed=0), *(envs.step(action) for action in _on(device, sample(1)))]
        world = envs.unwrapped.world  # type: ignore[attr-defined]
        kept = deepcopy(as_numpy([before, world.canvases, world.indices, world.path[0]]))
        held = [before, world.canvases, world.indices, world.path[0]]
        envs.reset(seed=1, options={"reset_mask": np.arange(N) < 3})
        envs.step(_on(device, sample(1))[0])
        assert_same(as_numpy(held), kept)


def _on(device: str | None, actions: np.ndarray) -> Any:
    return actions if device is None else torch.from_numpy(actions)


@pytest.mark.parametrize("mode", MODES)
def test_pictures_of_sub_environments_at_different_glimpses(mode: str) -> None:
    envs, others = (make(mode, num_glimpses=T, render_mode="rgb_array") for make in (vector, singles))
    for call in invent_calls(mode, 4, 24):
        run(envs, [call])
        run(others, [call])
    assert_same(envs.render(), others.render())


@pytest.mark.parametrize("mode", MODES)
def test_a_rollout_over_the_data_set_in_every_mode(mode: str) -> None:
    class Wanderer:
        def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
            return np.tile(observation["location"], 6)[:, :12], None

    got, expected = (
        [(batch.images, batch.rewards, batch.logits) for batch in dataset_rollout(Wanderer(), envs, 12)]
        for envs in (vector(mode, reward="entropy"), vector("same_step", reward="entropy"))
    )
    assert_same(got, expected)
