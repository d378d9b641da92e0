"""Every argument of explain takes every awkward value, or refuses it in words of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from agents import REINFORCE
from explain import (
    Bootstrap,
    EIGPolicy,
    ExplanationSettings,
    FitSettings,
    HiddenStateVAE,
    Recording,
    RecurrentAgent,
    VAESettings,
    expected_information_gain,
    explain,
    fit_vae,
    grid_locations,
    record,
)
from glimpse_env.retina import Retina
from tests.awkward_values import unclear_errors

HIDDEN, CLASSES = 16, 10


@pytest.fixture(scope="module")
def agent() -> REINFORCE:
    sizes = {"hidden_size": HIDDEN, "what_size": 4, "where_size": 4}
    return REINFORCE("glimpse_env:GlimpseDigits-v0", policy_kwargs=sizes, num_envs=2, seed=0, device="cpu")


def attempts(agent: REINFORCE) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What can be asked of explain, as functions of one value."""
    env = agent.make_vec_env(2, split="test")
    recording = record(agent, env, 2)
    vae = HiddenStateVAE(HIDDEN, (1, 28, 28), VAESettings(latent_size=2, layer_size=2), seed=0)
    short = FitSettings(num_epochs=1)

    def with_one(function: Callable[..., Any], name: str, *given: Any, **others: Any) -> Callable[[Any], Any]:
        return lambda value: function(*given, **(others | {name: value}))

    for settings in (ExplanationSettings, FitSettings, VAESettings):
        for name in settings.__dataclass_fields__:
            yield f"{settings.__name__} {name}", with_one(settings, name)
    for name in ("num_images", "num_resamples", "seed", "level"):
        yield f"Bootstrap {name}", with_one(Bootstrap, name, **({"num_images": 3} if name != "num_images" else {}))
    for name in ("agent", "env", "num_images", "seed", "device"):
        yield f"record {name}", with_one(record, name, **({"agent": agent, "env": env, "num_images": 2}))
    yield "RecurrentAgent", RecurrentAgent
    yield "explain agent", lambda value: explain(value, env, env)
    yield "explain policy", lambda value: explain(agent, env, env, {"other": value})
    eig = {"grid": 2, "retina": recording.retina, "num_samples": 1}
    for name in ("grid", "num_samples", "seed", "retina", "device"):
        yield f"EIGPolicy {name}", lambda value, name=name: EIGPolicy(agent, vae.sample, **(eig | {name: value}))
    yield "EIGPolicy agent", lambda value: EIGPolicy(value, vae.sample, **eig)
    yield "EIGPolicy imagine", lambda value: EIGPolicy(agent, value, **eig)
    maps = {
        "agent": agent,
        "hidden": recording.hidden,
        "beliefs": recording.beliefs,
        "imagine": vae.sample,
        "locations": grid_locations(1),
        "retina": recording.retina,
        "num_samples": 1,
    }
    for name in set(maps) - {"imagine"}:  # what a function of the user does is its own
        yield f"expected_information_gain {name}", with_one(expected_information_gain, name, **maps)
    fit = {"states": recording.hidden, "images": recording.originals, "settings": vae.settings, "fit_settings": short}
    for name in fit:  # but not coverage, which is a function, too
        yield f"fit_vae {name}", with_one(fit_vae, name, **fit)
    parts = {name: getattr(recording, name) for name in recording.__dataclass_fields__}
    for name in parts:
        yield f"Recording {name}", with_one(Recording, name, **parts)


def test_awkward_values_are_taken_or_refused_in_clear_words(agent: REINFORCE) -> None:
    unclear = {name: unclear_errors(attempt) for name, attempt in attempts(agent)}
    assert not any(unclear.values()), "\n".join(f"{name}:\n{errors}" for name, errors in unclear.items() if errors)


@pytest.mark.parametrize("value", [1.5, True, "8", None, np.float64(2), [3]])
@pytest.mark.parametrize("name", ["num_epochs", "num_train", "grid", "seed"])
def test_settings_are_integers(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"expected {name} to be an integer, got"):
        ExplanationSettings(**{name: value})


class Returns:
    """An agent that returns a state and logits of one's choice."""

    def __init__(self, state: float, logit: float) -> None:
        self.state, self.logit = state, logit

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        count = len(observation["location"])
        return np.full((count, 12), self.logit, np.float32), np.full((count, HIDDEN), self.state, np.float32)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("which", ["state", "logits"])
def test_numbers_of_an_agent_that_are_not_finite_are_refused(agent: REINFORCE, which: str, bad: float) -> None:
    broken = Returns(bad, 0) if which == "state" else Returns(0, bad)
    with pytest.raises(ValueError, match=r"[Ee]xpected .* finite|NaN|finite"):
        record(broken, agent.make_vec_env(2, split="test"), 2)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_imagined_canvases_that_are_not_finite_never_become_a_gain(agent: REINFORCE, bad: float) -> None:
    def imagine(states: torch.Tensor, num_samples: int, generator: torch.Generator) -> torch.Tensor:
        canvases = torch.zeros(num_samples, len(states), 1, 28, 28)
        canvases[0, 0, 0, 3, 3] = bad
        return canvases

    hidden, beliefs = torch.zeros(2, HIDDEN), torch.full((2, CLASSES), 0.1)
    with pytest.raises(ValueError, match="expected imagined canvases to be finite, got 1 of"):
        expected_information_gain(agent, hidden, beliefs, imagine, grid_locations(2), retina=Retina(8, 1))


@pytest.mark.parametrize("name", ["reconstruct", "sample"])
def test_states_that_are_not_finite_never_become_an_image(name: str) -> None:
    vae = HiddenStateVAE(HIDDEN, (1, 8, 8), VAESettings(latent_size=2, layer_size=2), seed=0)
    hidden = torch.zeros(3, HIDDEN)
    hidden[1, 2] = float("nan")
    rest: Sequence[int] = (4,) if name == "sample" else ()
    with pytest.raises(ValueError, match="to be finite, got"):
        getattr(vae, name)(hidden, *rest)
