"""Scores against slow references, and where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from explain import HiddenStateVAE, Recording, VAESettings
from explain.controls import shuffled
from explain.scores import linear_probe, mean_image_error, rank_correlations, reconstruction_error


def make_recording(images: int = 60, seed: int = 0) -> Recording:
    """The hidden state tells the label, from the second glimpse on; the image is the label's, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    hidden = rng.normal(size=(images, 2, 4)).astype(np.float32)
    hidden[np.arange(images), 1, labels] += 8
    originals = np.clip(labels[:, None, None, None] * 100 + rng.integers(0, 20, (images, 1, 5, 4)), 0, 255)
    return Recording(
        hidden=hidden,
        beliefs=np.full((images, 2, 3), 1 / 3, dtype=np.float32),
        locations=np.zeros((images, 2, 2), dtype=np.float32),
        labels=labels,
        indices=np.arange(images),
        canvases=255 - originals.astype(np.uint8),
        originals=originals.astype(np.uint8),
        glimpse_size=2,
        num_scales=1,
    )


@pytest.mark.parametrize("target", ["original", "canvas"])
def test_reconstruction_error_is_that_of_each_image_and_glimpse(target: str) -> None:
    recording = make_recording(images=7)
    vae = HiddenStateVAE(4, (1, 5, 4), VAESettings(target=target, latent_size=2, layer_size=8))
    errors = reconstruction_error(vae, recording)
    images = recording.originals if target == "original" else recording.canvases
    for image in range(7):
        for glimpse in range(2):
            imagined = vae.reconstruct(torch.from_numpy(recording.hidden[image, glimpse])).numpy()
            expected = np.mean((imagined - images[image] / 255) ** 2)
            assert errors[image, glimpse].item() == pytest.approx(expected, rel=1e-5)


def test_the_mean_image_of_the_class_is_nearer() -> None:
    train, test = make_recording(seed=1), make_recording(images=9, seed=2)
    blind, told = (mean_image_error(train, test, by_class=by_class) for by_class in (False, True))
    assert (told < blind).sum() >= 6
    mean = train.originals.mean(0) / 255
    np.testing.assert_allclose(blind.numpy(), ((test.originals / 255 - mean) ** 2).mean((1, 2, 3)), rtol=1e-4)
    of_class = np.stack([train.originals[train.labels == label].mean(0) / 255 for label in test.labels])
    np.testing.assert_allclose(told.numpy(), ((test.originals / 255 - of_class) ** 2).mean((1, 2, 3)), rtol=1e-4)


def test_a_probe_finds_the_label_where_it_is_and_not_in_shuffled_states() -> None:
    train, test = make_recording(300, seed=1), make_recording(300, seed=2)
    first, second = linear_probe(train, test)
    assert first < 0.5
    assert second > 0.95
    assert (linear_probe(shuffled(train), test) < 0.6).all()


@given(st.integers(0, 2**31), st.integers(2, 9))
def test_rank_correlations_are_those_of_scipy(seed: int, places: int) -> None:
    one, other = np.random.default_rng(seed).normal(size=(2, 4, places)).round(1)
    if any(len(np.unique(row)) == 1 for row in (*one, *other)):
        return
    expected = [spearmanr(*rows).statistic for rows in zip(one, other, strict=True)]
    np.testing.assert_allclose(rank_correlations(torch.tensor(one), torch.tensor(other)).numpy(), expected, atol=1e-12)


def test_places_that_are_all_alike_have_no_rank() -> None:
    assert rank_correlations(torch.ones(1, 4), torch.arange(4.0)[None]).isnan().all()
