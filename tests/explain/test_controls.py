"""Controls change what they say they change, and nothing else."""

from __future__ import annotations

import numpy as np

from explain.controls import shuffled, whole_image
from explain.recording import Recording


def make_recording(images: int = 20, glimpses: int = 3) -> Recording:
    rng = np.random.default_rng(0)
    return Recording(
        hidden=rng.normal(size=(images, glimpses, 4)).astype(np.float32),
        beliefs=rng.dirichlet(np.ones(5), (images, glimpses)).astype(np.float32),
        locations=rng.uniform(-1, 1, (images, glimpses, 2)).astype(np.float32),
        labels=np.arange(images) % 5,
        indices=np.arange(images),
        canvases=rng.integers(0, 256, (images, 1, 6, 6), dtype=np.uint8),
        originals=rng.integers(0, 256, (images, 1, 6, 6), dtype=np.uint8),
        glimpse_size=2,
        num_scales=1,
    )


def test_shuffling_moves_hidden_states_between_images_and_nothing_else() -> None:
    recording = make_recording()
    other = shuffled(recording, seed=1)
    assert (other.hidden != recording.hidden).any(axis=(1, 2)).mean() > 0.8
    assert sorted(map(bytes, other.hidden)) == sorted(map(bytes, recording.hidden))
    for name in ("beliefs", "locations", "labels", "indices", "canvases", "originals"):
        assert np.array_equal(getattr(other, name), getattr(recording, name))
    assert np.array_equal(shuffled(recording, seed=1).hidden, other.hidden)


def test_the_whole_image_takes_the_place_of_the_hidden_state() -> None:
    recording = make_recording()
    other = whole_image(recording)
    assert other.hidden.shape == (20, 1, 36)
    np.testing.assert_allclose(other.hidden[:, 0] * 255, recording.originals.reshape(20, -1), rtol=1e-5)
    assert np.array_equal(other.beliefs[:, 0], recording.beliefs[:, -1])
