"""One function records, fits and measures, and does nothing that its parts would not do."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from gymnasium.vector import VectorEnv

from agents import REINFORCE
from explain import FitSettings, VAESettings, fit_vae, record
from explain.measurement import measure
from explain.reconstruction.errors import reconstruction_error
from explain.reconstruction.vae import targets_of
from explain.recording import FIELDS

CLUTTERED = "GlimpseClutteredDigits-v0"
FIT = FitSettings(num_epochs=1, seed=3)


@pytest.fixture(scope="module")
def agent() -> REINFORCE:
    return REINFORCE(CLUTTERED, policy_kwargs={"hidden_size": 16}, num_envs=4, seed=0, device="cpu")


def make_env(split: str) -> VectorEnv[Any, Any, Any]:
    return gym.make_vec(CLUTTERED, num_envs=10, vectorization_mode="vector_entry_point", split=split)


@pytest.mark.parametrize(
    ("settings", "target"),
    [
        (VAESettings(latent_size=4, layer_size=16), "originals"),
        (VAESettings(target="canvas", partial=True, latent_size=4, layer_size=16), "canvases"),
    ],
)
def test_it_is_what_its_parts_are(agent: REINFORCE, settings: VAESettings, target: str) -> None:
    measured = measure(agent, make_env("train"), make_env("test"), settings, FIT, num_train=30, num_test=20, seed=5)
    for split, recording, count in (("train", measured.train, 30), ("test", measured.test, 20)):
        expected = record(agent, make_env(split), count, seed=5)
        assert all(torch.equal(getattr(recording, name), getattr(expected, name)) for name in FIELDS)
    images, coverage = targets_of(measured.train, settings)
    vae = fit_vae(measured.train.hidden, images, settings, FIT, coverage).vae
    for name, value in measured.vae.state_dict().items():
        assert torch.equal(value, vae.state_dict()[name]), name
    errors = reconstruction_error(vae, measured.test.hidden, getattr(measured.test, target))
    assert torch.equal(measured.reconstruction_error, errors)


def test_there_may_be_fewer_images_than_asked_for(agent: REINFORCE) -> None:
    settings = VAESettings(latent_size=2, layer_size=4)
    measured = measure(agent, make_env("train"), make_env("test"), settings, FIT, num_train=20, num_test=10**9)
    assert (len(measured.train), len(measured.test)) == (20, 360)
