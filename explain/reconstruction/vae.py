"""A variational autoencoder (VAE) from hidden states to images: what the agent believes the image looks like."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from explain.numbers import check_finite
from explain.reconstruction.elbo import kl_between, kl_from_prior, reconstruction_loss
from explain.recording import Recording
from glimpse_env.config import check_integer
from glimpse_env.retina import MAX_PIXEL
from glimpse_env.utils.archive import Archive, InvalidFileError
from glimpse_env.utils.errors import shown, unknown_name_error
from glimpse_env.utils.layers import make_layer, new_generator, without_weights
from glimpse_env.utils.stored_tensors import TensorSpec

MAX_SIZE = 2**20
"""More units, or pixels, than a network on one machine has."""
TARGETS = ("original", "canvas")

Coverage = Callable[[Tensor, Tensor], Tensor]
"""Gives the coverage masks of a batch: maps positions of images and numbers of glimpses from 0, both `(M,)` int64, to
which pixels were seen so far, `(M, H, W)` bool."""

Recognition = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""The distribution `q(z | x, h)` of a conditional VAE: maps standardised hidden states `(M, D)` and images
`(M, channels, height, width)` in [0, 1] to mean and log-variance of z, each `(M, latent_size)`."""


@dataclass(frozen=True)
class VAESettings:
    """Settings of a `HiddenStateVAE`.

    Raises:
        TypeError: A setting is of the wrong type.
        ValueError: The target is unknown, or a number is out of range.
    """

    target: str = "original"
    """What is reconstructed: `"original"`, the clean image, or `"canvas"`."""
    partial: bool = False
    """Whether the reconstruction loss counts only the pixels seen so far."""
    beta: float = 1.0
    """Weight of the KL divergence from the prior (Higgins et al. 2017)."""
    latent_size: int = 32
    """Components of the latent z."""
    layer_size: int = 512
    """Units of each of the two layers in the encoder, and in the decoder."""

    def __post_init__(self) -> None:
        if not isinstance(self.target, str) or self.target not in TARGETS:
            raise unknown_name_error("target", self.target, TARGETS)
        if not isinstance(self.partial, bool):
            raise TypeError(f"expected partial to be True or False, got {shown(self.partial)}")
        for name in ("latent_size", "layer_size"):
            _check_size(name, getattr(self, name))
        if not isinstance(self.beta, Real) or isinstance(self.beta, bool):
            raise TypeError(f"expected beta to be a number, got {shown(self.beta)}")
        if not 0 <= self.beta < math.inf:
            raise ValueError(f"expected beta to be at least 0 and finite, got {self.beta}")


def _check_size(name: str, value: Any) -> int:
    check_integer(name, value, 1, MAX_SIZE)
    return int(value)


def _check_image_shape(value: Any) -> tuple[int, int, int]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"expected image_shape [channels, height, width], got {shown(value)}")
    channels, height, width = (_check_size("every side of image_shape", side) for side in value)
    if channels * height * width > MAX_SIZE:
        raise ValueError(f"expected images of at most {MAX_SIZE} pixels, got image_shape {value}")
    return channels, height, width


class InvalidVAEError(InvalidFileError):
    """A file is not a VAE that can be loaded."""

    kind = "a VAE"


VAES = Archive("vae", 1, InvalidVAEError)


class HiddenStateVAE(nn.Module):
    """Reconstructs an image x from the hidden state h of an agent, through a latent z.

    The encoder `q(z | h)` is Gaussian, the decoder `p(x | z)` Bernoulli for each pixel. The agent is not part of it,
    and its weights never change. Fitted with `FitSettings.conditional`, the encoder is the distribution `p(z | h)` of
    a conditional VAE, whose draws are images that differ as those do that the agent may be looking at.

    Args:
        hidden_size: Size of the hidden states (D).
        image_shape: `(channels, height, width)` of the images.
        settings: What is reconstructed, and how large the networks are.
        seed: Seed of the weights; by default random.

    Example:
        >>> vae = HiddenStateVAE(16, (1, 28, 28), VAESettings(latent_size=4))
        >>> vae.reconstruct(torch.zeros(5, 16)).shape
        torch.Size([5, 1, 28, 28])
    """

    def __init__(
        self, hidden_size: int, image_shape: tuple[int, int, int], settings: VAESettings, seed: int | None = None
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.image_shape = image_shape
        self.settings = settings
        width, latent_size, num_pixels = settings.layer_size, settings.latent_size, int(torch.Size(image_shape).numel())
        generator = new_generator(seed)

        def linear(inputs: int, outputs: int) -> nn.Linear:
            return make_layer(nn.Linear, inputs, outputs, generator=generator)

        self.encoder = nn.Sequential(
            linear(hidden_size, width), nn.ReLU(), linear(width, width), nn.ReLU(), linear(width, 2 * latent_size)
        )
        self.decoder = nn.Sequential(
            linear(latent_size, width),
            nn.ReLU(),
            linear(width, width),
            nn.ReLU(),
            linear(width, num_pixels),
            nn.Unflatten(-1, image_shape),
        )
        # Hidden states of different agents differ in scale; `standardise` sets these.
        self.register_buffer("hidden_mean", torch.zeros(hidden_size, dtype=torch.float32, device="cpu"))
        self.register_buffer("hidden_std", torch.ones(hidden_size, dtype=torch.float32, device="cpu"))
        self.hidden_mean: Tensor
        self.hidden_std: Tensor

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the VAE as one zip, all or not at all; see `glimpse_env.utils.archive`.

        After `vae.half()` the file takes half the space. What `load` makes of it computes in float32 nonetheless.

        Raises:
            OSError: The file cannot be written. An older one of that name is left as it was.
        """
        description = {"hidden_size": self.hidden_size, "image_shape": self.image_shape, **asdict(self.settings)}
        VAES.write(path, description, {"weights": self.state_dict()})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> HiddenStateVAE:
        """Reads what `save` wrote, without executing anything.

        Raises:
            FileNotFoundError: There is no such file.
            InvalidVAEError: It is damaged, no VAE, or of a newer format.
        """
        with VAES.open(path) as saved:
            description = saved.description
            settings = VAESettings(**{field.name: description[field.name] for field in fields(VAESettings)})
            hidden_size = _check_size("hidden_size", description["hidden_size"])
            image_shape = _check_image_shape(description["image_shape"])
            # Compared with the file before memory is taken.
            with without_weights():
                expected = cls(hidden_size, image_shape, settings).state_dict()
            weights_like = {name: TensorSpec.like(like, or_half=True) for name, like in expected.items()}
            tensors = saved.tensors({"weights": weights_like})
            weights = tensors["weights"]
            if not (weights["hidden_std"] > 0).all():
                raise ValueError("expected hidden_std to be positive, got other numbers")
            vae = cls(hidden_size, image_shape, settings)
            vae.load_state_dict(weights)
        return vae.eval()

    def standardise(self, hidden: Tensor) -> None:
        """Standardises hidden states by the mean and standard deviation of these, `(M, D)`, from now on."""
        std = hidden.std(0, correction=0)
        self.hidden_mean.copy_(hidden.mean(0))
        # A unit that was constant here must not dominate all others where it is not.
        self.hidden_std.copy_(torch.where(std > 1e-5, std.clamp(min=1e-3), 1.0))

    def widened(self, num_inputs: int) -> HiddenStateVAE:
        """Makes a VAE of longer states, which have more numbers before the hidden state, that begins as this one.

        The weights of the new inputs are 0, so it reconstructs the same images. New inputs are not standardised.

        Args:
            num_inputs: How many numbers precede the hidden state.

        Example:
            >>> vae = HiddenStateVAE(16, (1, 28, 28), VAESettings(latent_size=4))
            >>> hidden = torch.rand(5, 16)
            >>> wide = vae.widened(3).reconstruct(torch.cat([torch.rand(5, 3), hidden], dim=1))
            >>> torch.allclose(wide, vae.reconstruct(hidden), atol=1e-6)
            True
        """
        wide = HiddenStateVAE(num_inputs + self.hidden_size, self.image_shape, self.settings).to(self.hidden_mean)
        weights = {name: weight.clone() for name, weight in self.state_dict().items()}
        for name, padding in (("encoder.0.weight", 0.0), ("hidden_mean", 0.0), ("hidden_std", 1.0)):
            weights[name] = nn.functional.pad(weights[name], (num_inputs, 0), value=padding)
        wide.load_state_dict(weights)
        return wide

    def encode(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Maps hidden states `(..., D)` to mean and log-variance of z, each `(..., latent_size)`."""
        mean, log_variance = self.encoder((hidden - self.hidden_mean) / self.hidden_std).chunk(2, dim=-1)
        return mean, log_variance

    def decode(self, latent: Tensor) -> Tensor:
        """Maps z `(..., latent_size)` to the logits of white pixels `(..., channels, height, width)`."""
        return self.decoder(latent)

    @torch.no_grad()
    def reconstruct(self, hidden: Tensor) -> Tensor:
        """Decodes the mean of z, for hidden states `(..., D)`; `(..., channels, height, width)` in (0, 1).

        Raises:
            ValueError: A number in the hidden states, or in the images, is not finite.
        """
        images = self.decode(self.encode(hidden)[0]).sigmoid()
        check_finite("reconstructions", images)
        return images

    @torch.no_grad()
    def sample(self, hidden: Tensor, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Decodes draws of z.

        Args:
            hidden: Hidden states, `(..., D)`.
            num_samples: Draws of z for each hidden state (S).
            generator: The source of random numbers on the CPU, where they are drawn so that they are the same on every
                device; by default a new one with the seed 0.

        Returns:
            `(S, ..., channels, height, width)` in (0, 1).
        """
        mean, log_variance = self.encode(hidden)
        generator = generator or new_generator(0)
        noise = torch.randn(num_samples, *mean.shape, generator=generator, dtype=torch.float32, device="cpu")
        images = self.decode(mean + (0.5 * log_variance).exp() * noise.to(mean.device)).sigmoid()
        check_finite("imagined images", images)
        return images

    def loss(
        self,
        hidden: Tensor,
        target: Tensor,
        mask: Tensor | None,
        noise: Tensor,
        recognition: Recognition | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The two terms of minus the evidence lower bound, with one draw of z; see `explain.reconstruction.elbo`.

        Args:
            hidden: `(M, D)`.
            target: `(M, channels, height, width)` in [0, 1].
            mask: Which pixels count, `(M, 1, height, width)` bool, or None for all.
            noise: Standard normal, `(M, latent_size)`; z is `mean + std * noise`.
            recognition: Gives `q(z | x, h)`, for the bound of a conditional VAE.

        Returns:
            Reconstruction loss and KL divergence from the prior, each `(M,)`, in nats. The prior is the standard normal
            one, or, with a recognition network, `p(z | h)` as the encoder gives it.
        """
        mean, log_variance = encoded = self.encode(hidden)
        if recognition is None:
            divergence = kl_from_prior(mean, log_variance)
        else:
            mean, log_variance = recognition((hidden - self.hidden_mean) / self.hidden_std, target)
            divergence = kl_between(mean, log_variance, *encoded)
        logits = self.decode(mean + (0.5 * log_variance).exp() * noise)
        return reconstruction_loss(logits, target, mask), divergence


def target_images(recording: Recording, settings: VAESettings) -> Tensor:
    """The images of a recording that a VAE reconstructs, `(N, channels, height, width)` uint8."""
    return recording.originals if settings.target == "original" else recording.canvases


def targets_of(recording: Recording, settings: VAESettings) -> tuple[Tensor, Coverage | None]:
    """Chooses what `fit_vae` needs besides the hidden states of a recording of `N` images and `T` glimpses.

    Returns:
        The images, `(N, channels, height, width)` uint8, and their coverage masks by batch, or None unless
        `settings.partial`.

    Raises:
        ValueError: `settings.partial` with originals that are not the canvases, whose coverage is not known.
    """
    images = target_images(recording, settings)
    if not settings.partial:
        return images, None
    if settings.target == "original" and not recording.canvas_is_original():
        raise ValueError('partial=True needs target="canvas" here: the coverage mask is that of the canvas')
    return images, recording.coverage


def to_unit(images: Tensor) -> Tensor:
    """Converts pixels from uint8 to float32 in [0, 1]."""
    return images.float() / MAX_PIXEL
