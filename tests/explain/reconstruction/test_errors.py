"""Reconstruction errors against loops over images and glimpses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explain import HiddenStateVAE, Recording, VAESettings
from explain.reconstruction import errors as errors_module
from explain.reconstruction.errors import mean_image_error, reconstruction_error
from glimpse_env.retina import Retina


def make_recording(images: int = 60, seed: int = 0) -> Recording:
    """Images that are those of their label, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    hidden = rng.normal(size=(images, 2, 4)).astype(np.float32)
    hidden[np.arange(images), 1, labels] += 8
    originals = np.clip(labels[:, None, None, None] * 100 + rng.integers(0, 20, (images, 1, 5, 4)), 0, 255)
    return Recording(
        hidden=torch.from_numpy(hidden),
        beliefs=torch.full((images, 2, 3), 1 / 3),
        locations=torch.zeros(images, 2, 2),
        labels=torch.from_numpy(labels),
        indices=torch.arange(images),
        canvases=torch.as_tensor(255 - originals.astype(np.uint8)),
        originals=torch.from_numpy(originals.astype(np.uint8)),
        retina=Retina(2, 1),
    )


@pytest.mark.parametrize("target", ["originals", "canvases"])
def test_reconstruction_error_is_that_of_each_image_and_glimpse(target: str) -> None:
    recording = make_recording(images=7)
    images = getattr(recording, target)
    vae = HiddenStateVAE(4, (1, 5, 4), VAESettings(latent_size=2, layer_size=8))
    errors = reconstruction_error(vae, recording.hidden, images)
    assert errors.shape == (7, 2)
    for image in range(7):
        for glimpse in range(2):
            reconstructed = vae.reconstruct(recording.hidden[image, glimpse])
            expected = (reconstructed - images[image] / 255).square().mean().item()
            assert errors[image, glimpse].item() == pytest.approx(expected, rel=1e-5)


def test_reconstruction_error_does_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = make_recording(images=7)
    vae = HiddenStateVAE(4, (1, 5, 4), VAESettings(latent_size=2, layer_size=8))
    whole = reconstruction_error(vae, recording.hidden, recording.originals)
    monkeypatch.setattr(errors_module, "BATCH", 3)
    torch.testing.assert_close(reconstruction_error(vae, recording.hidden, recording.originals), whole)


def test_the_mean_image_of_the_class_is_nearer() -> None:
    train, test = make_recording(seed=1), make_recording(images=9, seed=2)
    blind, told = (mean_image_error(train, test, by_class=by_class) for by_class in (False, True))
    assert (told < blind).sum() >= 6
    mean = train.originals.double().mean(0) / 255
    np.testing.assert_allclose(blind.numpy(), ((test.originals / 255 - mean) ** 2).mean((1, 2, 3)), rtol=1e-4)
    of_class = torch.stack([train.originals[train.labels == label].double().mean(0) / 255 for label in test.labels])
    np.testing.assert_allclose(told.numpy(), ((test.originals / 255 - of_class) ** 2).mean((1, 2, 3)), rtol=1e-4)
