"""Explaining tiny agents from end to end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import VectorEnv

from agents import REINFORCE
from agents.baselines.location_policies import look_at_centre, look_at_random
from explain import Bootstrap, VAESettings, record
from explain.explanation import Explanation, ExplanationSettings, explain
from explain.knowledge.curves import information_curves
from glimpse_env.data.datasets import load_dataset
from glimpse_env.dataset_rollout import Agent

PLAIN, CLUTTERED = "GlimpseDigits-v0", "GlimpseClutteredDigits-v0"
SIZES = {"hidden_size": 16, "what_size": 8, "where_size": 8}
TINY = {
    "num_train": 40,
    "num_test": 20,
    "num_epochs": 1,
    "num_eig": 5,
    "grid": 3,
    "num_samples": 2,
    "policy_images": 10,
    "policy_grid": 2,
    "policy_samples": 2,
}


def make_agent(env_id: str = PLAIN, core: str = "rnn") -> REINFORCE:
    return REINFORCE(env_id, policy_kwargs={**SIZES, "core": core}, num_envs=4, seed=0, device="cpu")


def make_env(split: str, env_id: str = PLAIN) -> VectorEnv[Any, Any, Any]:
    return gym.make_vec(env_id, num_envs=10, vectorization_mode="vector_entry_point", split=split)


def explain_tiny(
    agent: Agent, env_id: str = PLAIN, policies: Mapping[str, Agent] | None = None, **changes: Any
) -> Explanation:
    settings = ExplanationSettings(**(TINY | changes))
    return explain(agent, make_env("train", env_id), make_env("test", env_id), policies, settings)


@pytest.fixture(scope="module")
def agent() -> REINFORCE:
    return make_agent()


@pytest.fixture(scope="module")
def explanation(agent: REINFORCE) -> Explanation:
    return explain_tiny(agent, policies={"centre": look_at_centre(agent), "random": look_at_random(agent)})


def test_it_is_of_the_test_split(agent: REINFORCE, explanation: Explanation) -> None:
    expected = record(agent, make_env("test"), 20)
    np.testing.assert_array_equal(explanation.recording.originals, load_dataset("digits", "test").images[:20])
    np.testing.assert_allclose(explanation.recording.beliefs, expected.beliefs, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(explanation.recording.locations[:, 0], expected.locations[:, 0])
    assert explanation.class_names == tuple(str(digit) for digit in range(10))
    assert explanation.curves.to_json() == information_curves(explanation.recording, Bootstrap(20)).to_json()


def test_everything_has_the_shape_that_the_settings_say(explanation: Explanation) -> None:
    assert explanation.reconstruction.error.value.shape == (6,)
    assert explanation.probe.shape == (6,)
    np.testing.assert_array_equal(explanation.eig_recording.hidden, explanation.recording.hidden[:5])
    validation = explanation.eig_validation
    assert validation.maps.divergence.shape == validation.maps.mutual_information.shape == validation.gains.shape
    assert validation.gains.shape == (5, 6, 9)
    assert validation.expected.shape == validation.gained.shape == (5, 5)


def test_ways_to_look_are_compared_on_the_same_images(agent: REINFORCE, explanation: Explanation) -> None:
    assert list(explanation.location_policies) == ["learned policy", "EIG policy", "centre", "random"]
    bootstrap = Bootstrap(10)
    own = information_curves(explanation.recording[:10], bootstrap)
    torch.testing.assert_close(
        explanation.location_policies["learned policy"].entropy.value, own.entropy.value, rtol=1e-5, atol=1e-7
    )
    centre = information_curves(record(look_at_centre(agent), make_env("test"), 10), bootstrap)
    assert explanation.location_policies["centre"].to_json() == centre.to_json()
    for curves in explanation.location_policies.values():
        # All see the same first glimpse.
        torch.testing.assert_close(curves.entropy.value[0], own.entropy.value[0])
        assert (
            not torch.equal(curves.entropy.value[1:], own.entropy.value[1:])
            or curves is explanation.location_policies["learned policy"]
        )


def test_on_a_plain_canvas_the_original_is_imagined_for_it(explanation: Explanation) -> None:
    assert explanation.canvas_vae is explanation.reconstruction.vae
    assert explanation.partial_vae is not explanation.canvas_vae
    assert explanation.partial_vae.settings.partial is True
    assert explanation.imagining_vae is not explanation.canvas_vae
    assert explanation.imagining_vae.settings == VAESettings(target="canvas")


def test_on_a_cluttered_canvas_the_canvas_is_imagined_too() -> None:
    explanation = explain_tiny(make_agent(CLUTTERED, core="lstm"), CLUTTERED)
    assert explanation.canvas_vae is not explanation.reconstruction.vae
    assert explanation.canvas_vae.settings.target == "canvas"
    assert explanation.canvas_vae.settings.partial is False
    assert explanation.reconstruction.vae.settings.target == "original"
    assert explanation.canvas_vae.image_shape == explanation.partial_vae.image_shape == (1, 40, 40)
    assert explanation.reconstruction.vae.image_shape == (1, 28, 28)
    assert explanation.eig_validation.gains.shape == (5, 6, 9)
    assert explanation.eig_validation.maps.divergence.isfinite().all()


def test_the_same_seed_gives_the_same_numbers(agent: REINFORCE, explanation: Explanation) -> None:
    torch.manual_seed(77)
    before = torch.get_rng_state()
    again = explain_tiny(agent, policies={"centre": look_at_centre(agent), "random": look_at_random(agent)})
    assert torch.equal(torch.get_rng_state(), before)
    assert json.dumps(again.to_json()) == json.dumps(explanation.to_json())
    other = explain_tiny(agent, seed=1)
    for part in ("information", "reconstruction", "expected_information_gain"):
        assert json.dumps(other.to_json()[part]) != json.dumps(explanation.to_json()[part])


def test_explaining_an_agent_changes_none_of_its_weights() -> None:
    agent = make_agent()
    before = {name: value.clone() for name, value in agent.policy.state_dict().items()}
    explain_tiny(agent)
    after = agent.policy.state_dict()
    assert after.keys() == before.keys()
    for name, value in after.items():
        assert torch.equal(value, before[name]), name
    assert all(weight.grad is None for weight in agent.policy.parameters())


def test_a_recurrent_model_of_stable_baselines3_is_explained() -> None:
    contrib = pytest.importorskip("sb3_contrib", reason="sb3-contrib is not installed: pip install -e '.[train]'")
    sizes = {"lstm_hidden_size": 8, "n_lstm_layers": 2, "net_arch": [8]}
    model = contrib.RecurrentPPO("MultiInputLstmPolicy", gym.make(PLAIN), policy_kwargs=sizes, seed=0, device="cpu")
    before = {name: value.clone() for name, value in model.policy.state_dict().items()}
    explanation = explain_tiny(model)
    for name, value in model.policy.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert explanation.recording.hidden.shape == (20, 6, 2 * 2 * 8)
    assert explanation.eig_validation.maps.divergence.shape == (5, 6, 9)
    assert explanation.eig_validation.gains.isfinite().all()
    assert list(explanation.location_policies) == ["learned policy", "EIG policy"]


def test_there_may_be_fewer_images_than_asked_for(agent: REINFORCE) -> None:
    explanation = explain_tiny(agent, num_train=10**9, num_test=10**9, num_eig=2)
    assert len(explanation.recording) == len(load_dataset("digits", "test").images) == 360
    assert explanation.to_json()["num_images"] == 360
    explanation = explain_tiny(agent, num_test=5, num_eig=6, policy_images=6)
    assert len(explanation.recording) == len(explanation.eig_recording) == 5


def test_it_can_be_written_as_json(explanation: Explanation) -> None:
    written = json.loads(json.dumps(explanation.to_json()))
    assert written["num_images"] == 20
    assert written["information"] == explanation.curves.to_json()
    assert written["reconstruction"] == explanation.reconstruction.to_json()
    assert written["linear_probe"] == explanation.probe.tolist()
    assert written["expected_information_gain"]["num_images"] == 5
    assert set(written["location_policies"]) == set(explanation.location_policies)


class Forgetful:
    """Believes in all classes alike and has no state."""

    def predict(self, observation: Any, state: Any, episode_start: Any, deterministic: bool) -> tuple[Any, Any]:
        return np.zeros((len(observation["location"]), 12), np.float32), None


def test_an_agent_without_a_state_cannot_be_explained() -> None:
    with pytest.raises(ValueError, match="expected an agent with a state"):
        explain_tiny(Forgetful())


def test_another_environment_is_refused(agent: REINFORCE) -> None:
    envs = gym.make_vec(PLAIN, num_envs=2, vectorization_mode="sync")
    with pytest.raises(ValueError, match="expected a native vector environment"):
        explain(agent, make_env("train"), envs, None, ExplanationSettings(**TINY))


@pytest.mark.parametrize("name", TINY)
def test_settings_below_1_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be at least 1, got 0"):
        ExplanationSettings(**(TINY | {name: 0}))
    assert getattr(ExplanationSettings(**(TINY | {name: 1})), name) == 1


def test_0_is_a_seed() -> None:
    assert ExplanationSettings(seed=0).seed == 0
