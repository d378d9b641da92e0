"""The recognition network of a conditional VAE, which only fitting needs."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from explain.reconstruction.vae import HiddenStateVAE
from glimpse_env.utils.layers import make_layer, new_generator


class RecognitionNetwork(nn.Module):
    """The distribution `q(z | x, h)`, a Gaussian given the image too; see `explain.reconstruction.elbo`.

    Args:
        vae: What is fitted with it. Layers of the two are of the same size.
        seed: Seed of the weights; by default random.
    """

    def __init__(self, vae: HiddenStateVAE, seed: int | None = None) -> None:
        super().__init__()
        width, generator = vae.settings.layer_size, new_generator(seed)
        sizes = (math.prod(vae.image_shape) + vae.hidden_size, width, width, 2 * vae.settings.latent_size)
        first, second, last = (make_layer(nn.Linear, *pair, generator=generator) for pair in pairwise(sizes))
        self.layers = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)

    def forward(self, standardised: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes an image together with a hidden state.

        Args:
            standardised: Hidden states as the VAE standardises them, `(M, D)`.
            images: `(M, channels, height, width)` in [0, 1].

        Returns:
            Mean and log-variance of z, each `(M, latent_size)`.
        """
        centred = 2 * images.flatten(1) - 1
        mean, log_variance = self.layers(torch.cat([centred, standardised], dim=1)).chunk(2, dim=-1)
        return mean, log_variance
