"""Baseline states hold what they are said to hold, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explain import FitSettings, VAESettings, fit_vae
from explain.reconstruction.baselines import OracleMemory, full_image_oracle, oracle_memory, shuffled_states
from explain.recording import FIELDS, Recording
from glimpse_env.retina import Retina


def make_recording(images: int = 20, glimpses: int = 3, channels: int = 1, num_scales: int = 1) -> Recording:
    rng = np.random.default_rng(0)
    return Recording(
        hidden=torch.from_numpy(rng.normal(size=(images, glimpses, 4)).astype(np.float32)),
        beliefs=torch.from_numpy(rng.dirichlet(np.ones(5), (images, glimpses)).astype(np.float32)),
        locations=torch.from_numpy(rng.uniform(-1, 1, (images, glimpses, 2)).astype(np.float32)),
        labels=torch.arange(images) % 5,
        indices=torch.arange(images),
        canvases=torch.from_numpy(rng.integers(0, 256, (images, channels, 6, 8), dtype=np.uint8)),
        originals=torch.from_numpy(rng.integers(0, 256, (images, 1, 6, 6), dtype=np.uint8)),
        retina=Retina(2, num_scales),
    )


def test_shuffling_moves_hidden_states_between_images_with_all_their_glimpses() -> None:
    states = make_recording().hidden
    shuffled = shuffled_states(states, seed=1)
    assert (shuffled != states).any(-1).any(-1).double().mean() > 0.8
    assert sorted(shuffled.tolist()) == sorted(states.tolist())
    assert torch.equal(shuffled_states(states, seed=1), shuffled)
    assert not torch.equal(shuffled_states(states, seed=2), shuffled)


def test_the_full_image_oracle_is_the_original() -> None:
    recording = make_recording()
    states = full_image_oracle(recording)
    assert states.shape == (20, 1, 36)
    torch.testing.assert_close(states[:, 0] * 255, recording.originals.flatten(1).float())


@pytest.mark.parametrize(("channels", "num_scales"), [(1, 1), (1, 2), (3, 1)])
def test_the_oracle_memory_holds_hidden_states_and_exactly_the_pixels_seen(channels: int, num_scales: int) -> None:
    recording = make_recording(channels=channels, num_scales=num_scales)
    states = oracle_memory(recording)
    num_pixels = (channels + 1) * 6 * 8
    assert states.shape == (20, 3, num_pixels + 4)
    assert torch.equal(states[..., num_pixels:], recording.hidden)
    held = states[..., :num_pixels].view(20, 3, channels + 1, 6, 8)
    side = 2 * 2 ** (num_scales - 1)
    for image in range(20):
        seen = torch.zeros(6, 8, dtype=torch.bool)
        corners = recording.retina.patch_corners(recording.locations[image], (6, 8), num_scales - 1).tolist()
        for glimpse, (left, top) in enumerate(corners):
            for row in range(max(top, 0), min(top + side, 6)):
                for column in range(max(left, 0), min(left + side, 8)):
                    seen[row, column] = True
            assert torch.equal(held[image, glimpse, -1], seen.float())
            expected = torch.where(seen, recording.canvases[image] / 255, 0)
            torch.testing.assert_close(held[image, glimpse, :-1], expected)


def test_the_states_of_the_oracle_memory_can_be_had_one_by_one() -> None:
    recording = make_recording(channels=3)
    states, memory = oracle_memory(recording), OracleMemory(recording)
    assert memory.shape == states.shape
    images, glimpses = torch.tensor([7, 0, 7]), torch.tensor([2, 0, 1])
    assert torch.equal(memory[images, glimpses], states[images, glimpses])


def test_a_vae_fitted_on_the_oracle_memory_is_that_of_all_its_states() -> None:
    recording = make_recording()
    settings, how = VAESettings(latent_size=3, layer_size=8), FitSettings(num_epochs=2, batch_size=16)
    fits = [
        fit_vae(states, recording.originals, settings, how)
        for states in (OracleMemory(recording), oracle_memory(recording))
    ]
    assert fits[0].losses == fits[1].losses
    weights = [fit.vae.state_dict() for fit in fits]
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())


def test_the_oracle_memory_cannot_tell_canvases_apart_that_differ_where_it_never_looked() -> None:
    recording = make_recording()
    seen = oracle_memory(recording)[:, -1, 48:96].view(20, 1, 6, 8) == 1
    assert 0 < seen.double().mean() < 0.5
    changed = replace(recording, canvases=torch.where(seen, recording.canvases, recording.canvases ^ 255))
    assert (changed.canvases != recording.canvases).double().mean() > 0.5
    assert torch.equal(oracle_memory(changed), oracle_memory(recording))


def test_the_recording_is_left_as_it_was_and_originals_do_not_matter_to_the_oracle_memory() -> None:
    recording, untouched = make_recording(), make_recording()
    states = oracle_memory(recording)
    assert all(torch.equal(getattr(recording, name), getattr(untouched, name)) for name in FIELDS)
    blank = replace(recording, originals=torch.zeros_like(recording.originals))
    assert torch.equal(oracle_memory(blank), states)
