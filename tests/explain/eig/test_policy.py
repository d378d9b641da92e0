"""Looking by expected information gain, in worlds where the best place is known; see `FiniteWorld` in conftest.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import glimpse_env
from explain import EIGPolicy, HiddenStateVAE, VAESettings, grid_locations, record
from explain.knowledge.information import kl_divergence


def make_policy(world: Any, num_samples: int = 64, **arguments: Any) -> EIGPolicy:
    sizes = {"grid": world.grid, "retina": world.retina}
    parts: dict[str, Any] = {"agent": world, "imagine": world.imagine, "num_samples": num_samples}
    return EIGPolicy(**parts | sizes | arguments)


def look(world: Any, places: list[int]) -> dict[str, np.ndarray]:
    """Canvas k as it looks from the centre of cell `places[k]`."""
    bright = world.cells.flatten(1)[torch.arange(len(places)), torch.tensor(places)]
    glimpse = np.broadcast_to(bright.numpy().astype(np.float32)[:, None, None, None], (len(places), 1, 2, 2))
    return {"glimpse": glimpse.copy(), "location": grid_locations(3)[places].numpy()}


def cells_of(actions: np.ndarray) -> list[int]:
    """Which cells of the grid the actions look at; they must be at its places exactly."""
    same = (grid_locations(3)[None].numpy() == actions[:, None, :2]).all(2)
    assert (same.sum(1) == 1).all()
    return same.argmax(1).tolist()


def draw_states(world: Any, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, len(world.labels))).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_it_looks_where_the_exact_gain_is_highest(random_world: Callable[..., Any], seed: int) -> None:
    """Up to places that are as good as the best by less than what so many samples can tell apart."""
    world = random_world(seed)
    policy = make_policy(world, num_samples=4000)
    states = draw_states(world, 6, seed)
    actions, following = policy.predict(look(world, [seed] * 6), states, np.zeros(6, dtype=bool), True)
    for cell, state in zip(cells_of(actions), following, strict=True):
        exact = world.exact(state, kl_divergence)
        assert exact[cell] >= exact.max() - 0.05


def test_it_asks_what_is_not_answered_yet(four_canvases: Any) -> None:
    """Cells 1 and 2 hold one bit each: it looks at one, then at the other, and then there is nothing to ask."""
    policy = make_policy(four_canvases)
    first, state = policy.predict(look(four_canvases, [0] * 4), None, np.ones(4, dtype=bool), True)
    asked = cells_of(first)
    assert set(asked) <= {1, 2}
    second, state = policy.predict(look(four_canvases, asked), state, np.zeros(4, dtype=bool), True)
    then = cells_of(second)
    assert [sorted(both) for both in zip(asked, then, strict=True)] == [[1, 2]] * 4
    third, _ = policy.predict(look(four_canvases, then), state, np.zeros(4, dtype=bool), True)
    assert third[:, 2:].argmax(1).tolist() == [0, 1, 2, 3]


def test_scores_and_state_are_the_agents(random_world: Callable[..., Any]) -> None:
    world = random_world(0)
    states, observation, start = draw_states(world, 5, 0), look(world, [4] * 5), np.array([True, False] * 2 + [True])
    actions, state = make_policy(world).predict(observation, states, start, True)
    expected, expected_state = world.predict(observation, states, start, True)
    np.testing.assert_array_equal(actions[:, 2:], expected[:, 2:])
    np.testing.assert_array_equal(state, expected_state)
    assert actions.shape == expected.shape
    assert actions.dtype == expected.dtype
    assert (actions[:, :2] != expected[:, :2]).any()


@pytest.mark.parametrize("deterministic", [True, False])
def test_the_agent_is_told_what_it_would_be_told_without(four_canvases: Any, deterministic: bool) -> None:
    observation = look(four_canvases, [4] * 4)
    make_policy(four_canvases).predict(observation, None, None, deterministic)
    first, *imagined = four_canvases.calls
    assert first["observation"] is observation
    assert first["state"] is None
    assert first["deterministic"] is deterministic
    assert len(imagined) == 4
    assert all(call["deterministic"] for call in imagined)


def test_the_same_question_gets_the_same_answer(random_world: Callable[..., Any]) -> None:
    world = random_world(1)
    states, observation = draw_states(world, 40, 0), look(world, [4] * 6)
    observation = {key: np.repeat(value[:1], 40, axis=0) for key, value in observation.items()}

    def ask(policy: EIGPolicy) -> list[int]:
        return cells_of(policy.predict(observation, states, None, True)[0])

    policy = make_policy(world, num_samples=2)
    answer = ask(policy)
    torch.manual_seed(77)
    before = torch.get_rng_state()
    assert ask(policy) == ask(make_policy(world, num_samples=2)) == answer
    assert torch.equal(torch.get_rng_state(), before)
    assert ask(make_policy(world, num_samples=2, seed=1)) != answer


def test_it_looks_by_what_a_vae_imagines(four_canvases: Any) -> None:
    """This VAE holds cell 2 for bright or dark, and is sure of all others; what cell 1 holds the agent has seen."""
    vae = HiddenStateVAE(4, (1, 6, 6), VAESettings(latent_size=1, layer_size=4))
    first, second, last = (layer for layer in vae.decoder if isinstance(layer, torch.nn.Linear))
    for weight in vae.decoder.parameters():
        torch.nn.init.zeros_(weight)
    torch.nn.init.ones_(first.weight)
    torch.nn.init.constant_(second.weight, 100)
    last.bias.data = torch.where(four_canvases.canvases[1].flatten() > 0, 50.0, -50.0)
    last.weight.data.view(6, 6, 4)[:2, 4:] = 100
    observation = {key: value[[1, 3]] for key, value in look(four_canvases, [1] * 4).items()}
    policy = make_policy(four_canvases, imagine=vae.sample)
    actions, _ = policy.predict(observation)
    assert cells_of(actions) == [2, 2]
    again, _ = policy.predict(observation)
    np.testing.assert_array_equal(actions, again)


def test_states_in_tuples_are_restored(random_world: Callable[..., Any], in_tuples: Callable[..., Any]) -> None:
    world = random_world(2)
    observation = look(world, [4] * 6)
    plain, _ = make_policy(world).predict(observation, None, None, True)
    actions, state = make_policy(world, agent=in_tuples(world)).predict(observation, None, None, True)
    np.testing.assert_array_equal(actions, plain)
    assert isinstance(state, tuple)


def test_it_can_be_recorded_and_finds_the_answer_in_time(four_canvases: Any) -> None:
    images = four_canvases.canvases[:, 0].numpy()
    glimpse_env.register_dataset(
        "four canvases", lambda split, folder: (images, four_canvases.labels.numpy(), ["a", "b", "c", "d"])
    )
    arguments: Any = {"dataset": "four canvases", "glimpse_size": 2, "num_glimpses": 3, "initial_location": (0.0, 0.0)}
    envs = gym.make_vec("Glimpse-v0", num_envs=2, vectorization_mode="vector_entry_point", **arguments)
    right = {}
    for name, agent in [("by gain", make_policy(four_canvases)), ("in the corner", four_canvases)]:
        recording = record(agent, envs)
        right[name] = (recording.beliefs.argmax(-1) == recording.labels[:, None]).double().mean(0).tolist()
        certainty = recording.beliefs.amax(-1).mean(0)
        assert certainty[0].item() == pytest.approx(0.25)
        assert certainty[-1].item() == pytest.approx(1.0 if name == "by gain" else 0.25)
    assert right == {"by gain": [0.25, 0.5, 1.0], "in the corner": [0.25, 0.25, 0.25]}


def test_an_agent_without_a_state_is_refused(four_canvases: Any) -> None:
    class Forgetful:
        def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
            return four_canvases.predict(observation)[0], None

    with pytest.raises(ValueError, match="expected an agent with a state"):
        make_policy(four_canvases, agent=Forgetful()).predict(look(four_canvases, [0] * 4))


@pytest.mark.parametrize("name", ["grid", "num_samples"])
def test_numbers_below_one_are_refused(four_canvases: Any, name: str) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be at least 1, got 0"):
        make_policy(four_canvases, **{name: 0})
