"""Explanations that are computed on a GPU."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from agents import REINFORCE
from agents.algorithms.base import Algorithm
from explain import Recording, expected_information_gain, fit_vae, record
from explain.explanation import Explanation, ExplanationSettings, explain
from explain.reconstruction.fitting import FitSettings
from explain.reconstruction.vae import VAESettings, targets_of
from glimpse_env.retina import grid_locations

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

ID, CPU, GPU = "GlimpseDigits-v0", torch.device("cpu"), torch.device("cuda")
NUM_IMAGES = 200
SAME_GLIMPSES = 0.99
"""Fraction of the glimpses that are the same pixels. Means of locations differ in their last digits between devices, so
that now and then one falls into the next pixel."""


@pytest.fixture(scope="module")
def agent() -> Algorithm:
    return REINFORCE(ID, policy_kwargs={"hidden_size": 64}, num_envs=64, seed=0, device="cpu").learn(64 * 6 * 100)


@pytest.fixture(scope="module")
def agent_on_gpu(agent: Algorithm, tmp_path_factory: pytest.TempPathFactory) -> Algorithm:
    path = tmp_path_factory.mktemp("agent") / "agent"
    agent.save(path)
    return REINFORCE.load(path, device="cuda")


def make_env(split: str) -> Any:
    return gym.make_vec(ID, num_envs=50, vectorization_mode="vector_entry_point", split=split)


@pytest.fixture(scope="module")
def recording(agent: Algorithm) -> Recording:
    return record(agent, make_env("test"), NUM_IMAGES)


def assert_close(got: Tensor, expected: Tensor, tolerance: float) -> None:
    assert got.device.type == "cuda"
    torch.testing.assert_close(got.cpu(), expected, rtol=tolerance, atol=tolerance)


def test_a_recording_is_that_of_the_cpu(agent_on_gpu: Algorithm, recording: Recording) -> None:
    got = record(agent_on_gpu, make_env("test"), NUM_IMAGES, device=GPU)
    assert got.device.type == "cuda"
    assert_close(got.canvases, recording.canvases, 0)
    same = (got.locations.cpu() - recording.locations).abs().amax((1, 2)) < 1e-3  # until a glimpse differs
    assert same.float().mean() >= SAME_GLIMPSES
    for name in ("hidden", "beliefs"):
        assert_close(getattr(got, name)[same.to(GPU)], getattr(recording, name)[same], 1e-3)


def test_a_vae_is_that_of_the_cpu(recording: Recording) -> None:
    settings, how = VAESettings(), FitSettings(num_epochs=3)
    fitted = {}
    for device in (CPU, GPU):
        moved = recording.to(device)
        images, _ = targets_of(moved, settings)
        fitted[device.type] = fit_vae(moved.hidden, images, settings, how)
    assert next(fitted["cuda"].vae.parameters()).is_cuda
    expected, got = (fitted[name].vae.reconstruct(recording.hidden.to(name)) for name in ("cpu", "cuda"))
    assert_close(got, expected, 1e-2)


@pytest.mark.parametrize("agent_is_on_gpu", [False, True])
def test_eig_is_that_of_the_cpu(
    agent: Algorithm, agent_on_gpu: Algorithm, recording: Recording, agent_is_on_gpu: bool
) -> None:
    settings = VAESettings()
    images, _ = targets_of(recording, settings)
    vae = fit_vae(recording.hidden, images, settings, FitSettings(num_epochs=1)).vae

    def maps(agent: Algorithm, recording: Recording) -> Tensor:
        vae.to(recording.device)
        locations = grid_locations(5, recording.device)
        return expected_information_gain(
            agent, recording.hidden, recording.beliefs, vae.sample, locations, retina=recording.retina, num_samples=4
        ).divergence

    few = recording[:20]
    expected = maps(agent, few)
    # A pixel of an imagined canvas is rounded to one of 256 values, and can fall on the other side.
    assert_close(maps(agent_on_gpu if agent_is_on_gpu else agent, few.to(GPU)), expected, 2e-3)


def test_a_whole_explanation_is_that_of_the_cpu(agent: Algorithm) -> None:
    settings = ExplanationSettings(
        num_train=500, num_test=NUM_IMAGES, num_epochs=2, num_eig=10, grid=5, num_samples=4, policy_images=50
    )

    def explanation(device: torch.device) -> Explanation:
        return explain(agent, make_env("train"), make_env("test"), settings=settings, device=device)

    expected, got = explanation(CPU), explanation(GPU)
    assert got.recording.device == got.eig_validation.gains.device == CPU
    torch.testing.assert_close(got.recording.hidden, expected.recording.hidden)  # of the same agent, on the CPU
    torch.testing.assert_close(got.eig_validation.gains, expected.eig_validation.gains, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(
        got.reconstruction.error.value, expected.reconstruction.error.value, rtol=2e-2, atol=1e-3
    )
