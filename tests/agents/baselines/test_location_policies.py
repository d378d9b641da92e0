"""Looking elsewhere: the same memory and beliefs as the agent's, other locations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents import REINFORCE, Algorithm, LocationOverride, evaluate, look_at_centre, look_at_random, look_by_raster_scan
from agents.baselines.location_policies import raster_scan

ID = "GlimpseDigits-v0"
T = 6
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}
EVERY_LOOK = pytest.mark.parametrize("look", [look_at_random, look_at_centre, look_by_raster_scan])


def make(core: str = "rnn") -> Algorithm:
    return REINFORCE(ID, policy_kwargs=SIZES | {"core": core}, num_envs=4, seed=0, device="cpu")


def observe(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    glimpse = rng.uniform(0, 1, (count, 1, 8, 8)).astype(np.float32)
    return {"glimpse": glimpse, "location": rng.uniform(-1, 1, (count, 2)).astype(np.float32)}


def locations(agent: LocationOverride, count: int = 3, steps: int = T) -> np.ndarray:
    """Where it looks in an episode, (steps, count, 2)."""
    state, chosen = None, []
    for step in range(steps):
        action, state = agent.predict(observe(count, step), state)
        chosen.append(action[:, :2])
    return np.stack(chosen)


@EVERY_LOOK
@pytest.mark.parametrize("core", ["rnn", "lstm", "gru"])
def test_remembers_and_believes_as_the_agent_does(look: Any, core: str) -> None:
    agent = make(core)
    elsewhere = look(agent)
    state = own_state = None
    for step in range(T):
        seen = observe(5, step)
        action, state = elsewhere.predict(seen, state, deterministic=True)
        own_action, own_state = agent.predict(seen, own_state, deterministic=True)
        np.testing.assert_array_equal(action[:, 2:], own_action[:, 2:])
        np.testing.assert_array_equal(state[:, :-1], own_state)
        assert (action.dtype, action.shape) == (own_action.dtype, own_action.shape)
        assert elsewhere.make_env().action_space.contains(action[0])


def test_centre_is_always_the_centre() -> None:
    assert not locations(look_at_centre(make())).any()


def test_random_is_everywhere_and_reproducible() -> None:
    agent = make()
    chosen = locations(look_at_random(agent, seed=1), count=500)
    np.testing.assert_array_equal(chosen, locations(look_at_random(agent, seed=1), count=500))
    assert (chosen != locations(look_at_random(agent, seed=2), count=500)).all()
    assert np.abs(chosen.mean((0, 1))).max() < 0.05
    np.testing.assert_allclose(chosen.var((0, 1)), 1 / 3, atol=0.02)


def test_raster_goes_along_its_rows_and_begins_anew_with_each_episode() -> None:
    agent = look_by_raster_scan(make())
    chosen = locations(agent)
    np.testing.assert_allclose(chosen[: T - 1], np.broadcast_to(raster_scan(T - 1)[:, None], (T - 1, 3, 2)), atol=1e-6)
    np.testing.assert_array_equal(chosen, locations(agent))

    _, state = agent.predict(observe(2))
    action, state = agent.predict(observe(2), state, episode_start=np.array([True, False]))
    np.testing.assert_allclose(action[:, :2], raster_scan(T - 1)[:2], atol=1e-6)
    assert state[:, -1].tolist() == [1, 2]


def test_works_on_one_observation_as_on_a_batch() -> None:
    agent = look_by_raster_scan(make())
    state = batch_state = None
    for step in range(T):
        seen = observe(1, step)
        start = np.array([step == 0])
        action, state = agent.predict({key: value[0] for key, value in seen.items()}, state, start)
        actions, batch_state = agent.predict(seen, batch_state, start)
        np.testing.assert_array_equal(action, actions[0])
        np.testing.assert_array_equal(state, batch_state[0])


@EVERY_LOOK
def test_can_be_evaluated_like_its_agent(look: Any) -> None:
    evaluation = evaluate(look(make()))
    assert evaluation.accuracy.shape == (T,)


@pytest.mark.parametrize("count", range(1, 30))
def test_raster_is_spread_evenly_and_in_reading_order(count: int) -> None:
    places = raster_scan(count)
    assert places.shape == (count, 2)
    assert np.abs(places).max() < 1
    assert len(np.unique(places.round(6), axis=0)) == count
    order = np.lexsort((places[:, 0], places[:, 1].round(6)))
    assert order.tolist() == list(range(count))
    np.testing.assert_allclose(places[:, 0].mean(), 0, atol=1e-12)


def test_there_is_a_raster_where_nobody_chooses() -> None:
    assert raster_scan(0).tolist() == [[0, 0]]
