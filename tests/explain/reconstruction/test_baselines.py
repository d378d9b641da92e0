"""Controls change what they say they change, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain.reconstruction.baselines import full_image_oracle, oracle_memory, shuffled
from explain.recording import Recording
from glimpse_env.retina import Retina


def make_recording(images: int = 20, glimpses: int = 3, channels: int = 1, num_scales: int = 1) -> Recording:
    rng = np.random.default_rng(0)
    return Recording(
        hidden=torch.as_tensor(rng.normal(size=(images, glimpses, 4)).astype(np.float32)),
        beliefs=torch.as_tensor(rng.dirichlet(np.ones(5), (images, glimpses)).astype(np.float32)),
        locations=torch.as_tensor(rng.uniform(-1, 1, (images, glimpses, 2)).astype(np.float32)),
        labels=torch.as_tensor(np.arange(images) % 5),
        indices=torch.as_tensor(np.arange(images)),
        canvases=torch.as_tensor(rng.integers(0, 256, (images, channels, 6, 8), dtype=np.uint8)),
        originals=torch.as_tensor(rng.integers(0, 256, (images, 1, 6, 6), dtype=np.uint8)),
        retina=Retina(2, num_scales),
    )


def test_shuffling_moves_hidden_states_between_images_and_nothing_else() -> None:
    recording = make_recording()
    other = shuffled(recording, seed=1)
    assert (other.hidden != recording.hidden).any(-1).any(-1).double().mean() > 0.8
    assert sorted(other.hidden.tolist()) == sorted(recording.hidden.tolist())
    for name in ("beliefs", "locations", "labels", "indices", "canvases", "originals"):
        assert torch.equal(getattr(other, name), getattr(recording, name))
    assert torch.equal(shuffled(recording, seed=1).hidden, other.hidden)


def test_the_whole_image_takes_the_place_of_the_hidden_state() -> None:
    recording = make_recording()
    other = full_image_oracle(recording)
    assert other.hidden.shape == (20, 1, 36)
    np.testing.assert_allclose(other.hidden[:, 0] * 255, recording.originals.reshape(20, -1).float(), rtol=1e-5)
    assert torch.equal(other.beliefs[:, 0], recording.beliefs[:, -1])


@pytest.mark.parametrize(("channels", "num_scales"), [(1, 1), (1, 2), (3, 1)])
def test_a_perfect_memory_holds_exactly_the_pixels_seen_so_far(channels: int, num_scales: int) -> None:
    recording = make_recording(channels=channels, num_scales=num_scales)
    other = oracle_memory(recording)
    assert other.hidden.shape == (20, 3, (channels + 1) * 6 * 8)
    held = other.hidden.reshape(20, 3, channels + 1, 6, 8)
    side = 2 * 2 ** (num_scales - 1)
    for image in range(20):
        seen = np.zeros((6, 8), bool)
        corners = recording.retina.patch_corners(recording.locations[image], (6, 8), num_scales - 1).tolist()
        for glimpse, (left, top) in enumerate(corners):
            for row in range(max(top, 0), min(top + side, 6)):
                for column in range(max(left, 0), min(left + side, 8)):
                    seen[row, column] = True
            np.testing.assert_array_equal(held[image, glimpse, -1], seen)
            expected = np.where(seen, recording.canvases[image] / 255, 0)
            np.testing.assert_allclose(held[image, glimpse, :-1], expected, rtol=1e-6)


def test_a_perfect_memory_cannot_tell_canvases_apart_that_differ_where_it_never_looked() -> None:
    recording = make_recording()
    seen = oracle_memory(recording).hidden.reshape(20, 3, 2, 6, 8)[:, -1, 1:] == 1
    assert 0 < seen.double().mean() < 0.5
    changed = make_recording()
    changed.canvases[~seen] ^= 255
    assert (changed.canvases != recording.canvases).double().mean() > 0.5
    np.testing.assert_array_equal(oracle_memory(changed).hidden, oracle_memory(recording).hidden)


def test_a_perfect_memory_is_of_the_canvas_and_changes_nothing_else() -> None:
    recording, untouched = make_recording(), make_recording()
    other = oracle_memory(recording)
    for name in ("hidden", "beliefs", "locations", "labels", "indices", "canvases", "originals"):
        assert torch.equal(getattr(recording, name), getattr(untouched, name))
        assert torch.equal(getattr(other, name), getattr(recording, name)) == (name != "hidden")
    other_originals = make_recording()
    other_originals.originals[:] = 0
    np.testing.assert_array_equal(oracle_memory(other_originals).hidden, other.hidden)
