"""Squared errors of reconstructions, and of the mean images that they must beat."""

from __future__ import annotations

import torch
from torch import Tensor

from explain.numbers import check_finite
from explain.reconstruction.vae import HiddenStateVAE, to_unit
from explain.recording import Recording

BATCH = 1000
"""Images that are reconstructed at once."""


def reconstruction_error(vae: HiddenStateVAE, states: Tensor, images: Tensor) -> Tensor:
    """Mean squared error per pixel of what a VAE reconstructs from hidden states.

    Args:
        vae: Fitted on other images.
        states: Hidden states after `T` glimpses at `N` images, `(N, T, D)`.
        images: What is to be reconstructed, `(N, channels, H, W)` uint8.

    Returns:
        `(N, T)` float32, for pixels in [0, 1].
    """
    errors = []
    for batch, originals in zip(states.split(BATCH), images.split(BATCH), strict=True):
        difference = vae.reconstruct(batch) - to_unit(originals)[:, None]
        errors.append(difference.square().flatten(2).mean(-1))
    error = torch.cat(errors)
    check_finite("reconstruction errors", error)
    return error


def mean_image_error(train: Recording, test: Recording, *, by_class: bool) -> Tensor:
    """Mean squared error per pixel of the mean original: the best guess without looking.

    Args:
        train: Whose originals are averaged.
        test: `N` other images.
        by_class: Whether to average over the image's true class, or over all images.

    Returns:
        `(N,)` float32, for pixels in [0, 1].
    """
    known, originals = to_unit(train.originals), to_unit(test.originals)
    if not by_class:
        return (originals - known.mean(0)).square().flatten(1).mean(1)
    num_classes = int(max(train.labels.max(), test.labels.max())) + 1
    means = torch.stack([known[train.labels == label].mean(0) for label in range(num_classes)])
    return (originals - means[test.labels]).square().flatten(1).mean(1)
