"""Fitting a `HiddenStateVAE` by the evidence lower bound."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from explain.reconstruction.vae import HiddenStateVAE, VAESettings, to_unit
from glimpse_env.utils.layers import new_generator
from glimpse_env.utils.threads import torch_threads


@dataclass(frozen=True)
class FitSettings:
    """How a VAE is fitted.

    Raises:
        ValueError: A number is out of range.
    """

    num_epochs: int = 8
    """The largest number of passes over all hidden states."""
    batch_size: int = 256
    """Hidden states per step of Adam."""
    learning_rate: float = 2e-3
    """Of Adam at first; it falls to 0 along half a cosine."""
    validation_fraction: float = 0.1
    """The fraction of the images that is held out for early stopping."""
    patience: int = 3
    """Epochs without a better validation loss after which fitting stops."""
    seed: int = 0
    """Determines the initial weights, the order of hidden states, and the draws of z."""
    num_threads: int = 1
    """Threads on the CPU; more change the last digits."""

    def __post_init__(self) -> None:
        for name in ("num_epochs", "batch_size", "patience", "num_threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} to be at least 1, got {getattr(self, name)}")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"expected validation_fraction between 0 and 1, got {self.validation_fraction}")


@dataclass(frozen=True)
class Fit:
    """A fitted VAE and its learning curve.

    Attributes:
        vae: With the weights of the best epoch.
        losses: The validation loss after each epoch: minus the evidence lower bound, in nats per image.
    """

    vae: HiddenStateVAE
    losses: list[float]


def fit_vae(
    states: Tensor,
    images: Tensor,
    settings: VAESettings,
    fit_settings: FitSettings | None = None,
    coverage: Tensor | None = None,
    *,
    progress: bool = False,
) -> Fit:
    """Fits a VAE that reconstructs images from the hidden states after every glimpse.

    The loss is the mean over images and glimpses of `-log p(x | z) + beta * KL(q(z | h) || p(z))`, with one draw of z.

    Args:
        states: Hidden states after `T` glimpses at `N` images, at least 2, `(N, T, D)` float32.
        images: What is reconstructed, `(N, channels, H, W)` uint8; `targets_of` chooses it from a recording.
        settings: The VAE's.
        fit_settings: How it is fitted.
        coverage: Which pixels count after each glimpse, `(N, T, H, W)` bool; needed for `settings.partial`.
        progress: Show a progress bar.

    Returns:
        A VAE on the device of the states. Random numbers are drawn on the CPU, to be the same on every device.

    Raises:
        ValueError: There are too few images, `coverage` does not fit `settings.partial`, or the shapes do not fit.
    """
    how = fit_settings or FitSettings()
    _check_shapes(states, images, settings, coverage)
    with torch_threads(how.num_threads):
        return _fit(states, images, settings, how, coverage, progress)


def _fit(
    states: Tensor, images: Tensor, settings: VAESettings, how: FitSettings, coverage: Tensor | None, progress: bool
) -> Fit:
    count, glimpses, size = states.shape
    device = states.device

    # Hold out images.
    held_out = max(1, round(count * how.validation_fraction))
    if held_out >= count:
        raise ValueError(f"expected at least 2 images, got {count}")
    generator = new_generator(how.seed)
    order = torch.randperm(count, generator=generator, device="cpu")

    # Build the VAE.
    channels, height, width = images.shape[1:]
    vae = HiddenStateVAE(size, (channels, height, width), settings, how.seed).to(device)
    vae.standardise(states[order[held_out:].to(device)].flatten(0, 1))

    # Prepare batches: hidden states are numbered image by image, glimpse by glimpse.
    def numbers_of(chosen: Tensor) -> Tensor:
        return (chosen[:, None] * glimpses + torch.arange(glimpses, device="cpu")).flatten()

    def draw_noise(number: int) -> Tensor:
        shape = (number, settings.latent_size)
        return torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu").to(device)

    def loss_of(numbers: Tensor, noise: Tensor) -> Tensor:
        numbers = numbers.to(device)
        image, glimpse = numbers // glimpses, numbers % glimpses
        mask = None if coverage is None else coverage[image, glimpse][:, None]
        reconstruction, divergence = vae.loss(states[image, glimpse], to_unit(images[image]), mask, noise)
        return (reconstruction + settings.beta * divergence).mean()

    validation, training = numbers_of(order[:held_out]), numbers_of(order[held_out:])
    validation_noise = draw_noise(len(validation))
    num_steps = how.num_epochs * math.ceil(len(training) / how.batch_size)
    optimizer = torch.optim.Adam(vae.parameters(), lr=how.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)

    best, losses = copy.deepcopy(vae.state_dict()), [float("inf")]
    bar = tqdm(range(how.num_epochs), "Fitting the VAE", disable=not progress, unit="epoch")
    for _ in bar:
        # Train for an epoch.
        shuffled = training[torch.randperm(len(training), generator=generator, device="cpu")]
        for numbers in shuffled.split(how.batch_size):
            loss = loss_of(numbers, draw_noise(len(numbers)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

        # Validate, always with the same noise.
        with torch.no_grad():
            batches = zip(validation.split(how.batch_size), validation_noise.split(how.batch_size), strict=True)
            total = sum(loss_of(numbers, noise).item() * len(numbers) for numbers, noise in batches)
        losses.append(total / len(validation))
        bar.set_postfix(loss=f"{losses[-1]:.1f} nats")

        # Keep the best weights, and stop early.
        if losses[-1] <= min(losses):
            best = copy.deepcopy(vae.state_dict())
        if min(losses[-how.patience :]) > min(losses):
            break
    vae.load_state_dict(best)
    return Fit(vae.eval(), losses[1:])


def _check_shapes(states: Tensor, images: Tensor, settings: VAESettings, coverage: Tensor | None) -> None:
    if len(images) != len(states):
        raise ValueError(f"expected as many images as there are hidden states of, {len(states)}, got {len(images)}")
    if settings.partial is (coverage is None):
        raise ValueError("expected coverage if and only if settings.partial is True")
    if coverage is not None:
        shape = (*states.shape[:2], *images.shape[2:])
        if coverage.shape != shape:
            raise ValueError(f"expected coverage of shape {shape}, got {tuple(coverage.shape)}")
