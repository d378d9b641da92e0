"""Fitting a `HiddenStateVAE` to a recording."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from explain.reconstruction.vae import HiddenStateVAE, VAESettings, targets_of, to_unit
from explain.recording import Recording


@dataclass(frozen=True)
class FitSettings:
    """How a VAE is fitted.

    Raises:
        ValueError: A number is out of range.
    """

    num_epochs: int = 8
    """How often all hidden states are used, at most."""
    batch_size: int = 256
    """Hidden states a step of Adam."""
    learning_rate: float = 2e-3
    """Of Adam at first; it falls to 0 along half a cosine."""
    validation_fraction: float = 0.1
    """Share of the images that are held out, to see when to stop."""
    patience: int = 3
    """Epochs without a better loss on the held-out images before it stops."""
    seed: int = 0
    """Of weights, order, and draws of z."""

    def __post_init__(self) -> None:
        for name in ("num_epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} to be at least 1, got {getattr(self, name)}")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"expected validation_fraction between 0 and 1, got {self.validation_fraction}")


@dataclass(frozen=True)
class Fit:
    """A fitted VAE, and how it went.

    Attributes:
        vae: With the weights of the best epoch.
        losses: Minus the evidence lower bound on held-out images after each epoch, in nats an image.
    """

    vae: HiddenStateVAE
    losses: list[float]


def fit_vae(
    recording: Recording, settings: VAESettings, fit_settings: FitSettings | None = None, *, progress: bool = False
) -> Fit:
    """Fits a VAE on the hidden states after every glimpse, by the evidence lower bound.

    Args:
        recording: At least 2 images.
        settings: What the VAE learns.
        fit_settings: How it is fitted.
        progress: Show a progress bar.

    Raises:
        ValueError: There are too few images, or `settings` do not fit the recording.
    """
    how = fit_settings or FitSettings()
    count, glimpses, size = recording.hidden.shape
    held_out = max(1, round(count * how.validation_fraction))
    if held_out >= count:
        raise ValueError(f"expected at least 2 images, got {count}")
    images, seen = targets_of(recording, settings)
    hidden = recording.hidden
    generator = torch.Generator().manual_seed(how.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(how.seed)
        channels, height, width = images.shape[1:]
        vae = HiddenStateVAE(size, (channels, height, width), settings)
    order = torch.randperm(count, generator=generator)
    vae.standardise(hidden[order[held_out:]].flatten(0, 1))
    optimizer = torch.optim.Adam(vae.parameters(), lr=how.learning_rate, fused=True)

    def loss_of(states: Tensor, noise: Tensor) -> Tensor:
        """Mean loss of states that are numbered image by image, glimpse by glimpse."""
        image, glimpse = states // glimpses, states % glimpses
        counted = None if seen is None else seen[image, glimpse][:, None]
        parts = vae.loss(hidden[image, glimpse], to_unit(images[image]), counted, noise)
        return (parts[0] + settings.beta * parts[1]).mean()

    def draw(number: int) -> Tensor:
        return torch.randn(number, settings.latent_size, generator=generator)

    def states_of(chosen: Tensor) -> Tensor:
        return (chosen[:, None] * glimpses + torch.arange(glimpses)).flatten()

    validation, training = states_of(order[:held_out]), states_of(order[held_out:])
    validation_noise = draw(len(validation))
    num_steps = how.num_epochs * math.ceil(len(training) / how.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)
    best, losses = copy.deepcopy(vae.state_dict()), [float("inf")]
    bar = tqdm(range(how.num_epochs), "Fitting the VAE", disable=not progress, unit="epoch")
    for _ in bar:
        for states in training[torch.randperm(len(training), generator=generator)].split(how.batch_size):
            loss = loss_of(states, draw(len(states)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            chunks = zip(validation.split(how.batch_size), validation_noise.split(how.batch_size), strict=True)
            total = sum(loss_of(states, noise).item() * len(states) for states, noise in chunks)
        losses.append(total / len(validation))
        bar.set_postfix(loss=f"{losses[-1]:.1f} nats")
        if losses[-1] <= min(losses):
            best = copy.deepcopy(vae.state_dict())
        if min(losses[-how.patience :]) > min(losses):
            break
    vae.load_state_dict(best)
    return Fit(vae.eval(), losses[1:])
