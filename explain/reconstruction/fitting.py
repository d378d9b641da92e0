"""Fitting a `HiddenStateVAE` by the evidence lower bound."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from explain.numbers import check_between, check_tensor
from explain.reconstruction.baselines import OracleMemory
from explain.reconstruction.recognition import RecognitionNetwork
from explain.reconstruction.vae import Coverage, HiddenStateVAE, VAESettings, to_unit
from glimpse_env.config import check_integer
from glimpse_env.utils.errors import shown
from glimpse_env.utils.layers import new_generator
from glimpse_env.utils.threads import torch_threads


@dataclass(frozen=True)
class FitSettings:
    """How a VAE is fitted.

    Raises:
        TypeError: A setting is of the wrong type.
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
    conditional: bool = False
    """Whether a recognition network sees the image while the VAE is fitted, so that draws of z differ as the images do
    that a hidden state leaves possible; see `explain.reconstruction.elbo`."""

    def __post_init__(self) -> None:
        for name in ("num_epochs", "batch_size", "patience", "num_threads"):
            check_integer(name, getattr(self, name), 1)
        check_integer("seed", self.seed, 0)
        if not isinstance(self.conditional, bool):
            raise TypeError(f"expected conditional to be True or False, got {shown(self.conditional)}")
        check_between("learning_rate", self.learning_rate, 0, math.inf)
        check_between("validation_fraction", self.validation_fraction, 0, 1)


MAX_STANDARDISED = 10_000
"""Hidden states, at most, whose mean and standard deviation standardise all: every k-th of those that are fitted on."""
DIVERGED = 2.0
"""The loss of a fit that has diverged, relative to that of the untrained VAE, which says 1/2 for about every pixel."""


class FitDiverged(FloatingPointError):
    """A VAE has become much worse by fitting than it was before."""


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
    states: Tensor | OracleMemory,
    images: Tensor,
    settings: VAESettings,
    fit_settings: FitSettings | None = None,
    coverage: Coverage | None = None,
    *,
    initial: HiddenStateVAE | None = None,
    progress: bool = False,
) -> Fit:
    """Fits a VAE that reconstructs images from the hidden states after every glimpse.

    The loss is the mean over images and glimpses of `-log p(x | z) + beta * KL(q(z | h) || p(z))`, with one draw of z.

    Args:
        states: Hidden states after `T` glimpses at `N` images, at least 2, `(N, T, D)` float32; or an oracle memory.
        images: What is reconstructed, `(N, channels, H, W)` uint8; `targets_of` chooses it from a recording.
        settings: The VAE's.
        fit_settings: How it is fitted.
        coverage: Gives the pixels that count, by batch, as `Recording.coverage` does; needed for `settings.partial`.
        initial: Fitting begins with this VAE of the same settings, if given, and ends with nothing that is worse on the
            images that are held out. Where states are longer than its hidden states, these are their last numbers, and
            the others count for nothing at first.
        progress: Show a progress bar.

    Returns:
        A VAE on the device of the states. Random numbers are drawn on the CPU, to be the same on every device.

    Raises:
        TypeError: The states or images are no tensor, or coverage is no function.
        FitDiverged: The validation loss is not finite after some epoch, or after each more than twice that of the
            untrained VAE.
        ValueError: There are too few images, `coverage` does not fit `settings.partial`, a conditional VAE is to be
            partial, `initial` has other settings, the shapes do not fit, or a state is not finite.
    """
    how = FitSettings() if fit_settings is None else fit_settings
    _check_arguments(states, images, settings, how, coverage, initial)
    with torch_threads(how.num_threads):
        return _fit(states, images, settings, how, coverage, initial, progress)


def _fit(
    states: Tensor | OracleMemory,
    images: Tensor,
    settings: VAESettings,
    how: FitSettings,
    coverage: Coverage | None,
    initial: HiddenStateVAE | None,
    progress: bool,
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
    if initial is None:
        vae = HiddenStateVAE(size, (channels, height, width), settings, how.seed).to(device)
    else:
        vae = initial.widened(size - initial.hidden_size)
    recognition = RecognitionNetwork(vae, how.seed).to(device) if how.conditional else None

    # Prepare batches: hidden states are numbered image by image, glimpse by glimpse.
    def numbers_of(chosen: Tensor) -> Tensor:
        return (chosen[:, None] * glimpses + torch.arange(glimpses, device="cpu")).flatten()

    def draw_noise(number: int) -> Tensor:
        shape = (number, settings.latent_size)
        return torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu").to(device)

    def loss_of(numbers: Tensor, noise: Tensor) -> Tensor:
        numbers = numbers.to(device)
        image, glimpse = numbers // glimpses, numbers % glimpses
        mask = None
        if coverage is not None:
            mask = coverage(image, glimpse)
            check_tensor("coverage", mask, torch.bool, (len(numbers), height, width))
            mask = mask[:, None]
        reconstruction, divergence = vae.loss(states[image, glimpse], to_unit(images[image]), mask, noise, recognition)
        return (reconstruction + settings.beta * divergence).mean()

    validation, training = numbers_of(order[:held_out]), numbers_of(order[held_out:])
    if initial is None:
        some = training[:: math.ceil(len(training) / MAX_STANDARDISED)].to(device)
        vae.standardise(states[some // glimpses, some % glimpses])
    validation_noise = draw_noise(len(validation))
    num_steps = how.num_epochs * math.ceil(len(training) / how.batch_size)
    parameters = [*vae.parameters(), *([] if recognition is None else recognition.parameters())]
    optimizer = torch.optim.Adam(parameters, lr=how.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, num_steps)

    @torch.no_grad()
    def validate() -> float:  # always with the same noise
        batches = zip(validation.split(how.batch_size), validation_noise.split(how.batch_size), strict=True)
        total = sum(loss_of(numbers, noise).item() * len(numbers) for numbers, noise in batches)
        return total / len(validation)

    best, untrained = copy.deepcopy(vae.state_dict()), validate()
    losses = [math.inf if initial is None else untrained]
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

        losses.append(validate())
        if not math.isfinite(losses[-1]):
            raise FitDiverged(_how_it_diverged(losses, untrained, how))
        bar.set_postfix(loss=f"{losses[-1]:.1f} nats")

        # Keep the best weights, and stop early.
        if losses[-1] <= min(losses):
            best = copy.deepcopy(vae.state_dict())
        if min(losses[-how.patience :]) > min(losses):
            break
    # Few steps on few images may end a little above the loss of the untrained VAE.
    if min(losses) > DIVERGED * untrained:
        raise FitDiverged(_how_it_diverged(losses, untrained, how))
    vae.load_state_dict(best)
    return Fit(vae.eval(), losses[1:])


def _how_it_diverged(losses: list[float], untrained: float, how: FitSettings) -> str:
    return (
        f"expected fitting to lower the validation loss from {untrained:.4g} nats per image, got {losses[-1]:.4g} "
        f"after {len(losses) - 1} epochs: try a learning rate below {how.learning_rate:g}"
    )


def _check_arguments(
    states: Tensor | OracleMemory,
    images: Tensor,
    settings: VAESettings,
    how: FitSettings,
    coverage: Coverage | None,
    initial: HiddenStateVAE | None,
) -> None:
    for kind, value in ((VAESettings, settings), (FitSettings, how)):
        if not isinstance(value, kind):
            raise TypeError(f"expected settings of type {kind.__name__}, got {shown(value)}")
    if not isinstance(states, OracleMemory):
        check_tensor("states", states, torch.float32, (None, None, None))
    check_tensor("images", images, torch.uint8, (states.shape[0], None, None, None))
    if settings.partial is (coverage is None):
        got = "none" if coverage is None else "some"
        raise ValueError(f"expected coverage if and only if settings.partial is True, got {got}")
    if settings.partial and how.conditional:
        raise ValueError("expected conditional=False for a partial VAE, got True: it would see what the agent did not")
    if initial is not None:
        if (initial.settings, initial.image_shape) != (settings, tuple(images.shape[1:])):
            raise ValueError(f"expected initial to be a VAE of {settings} and images {tuple(images.shape[1:])}")
        if initial.hidden_size > states.shape[2]:
            raise ValueError(
                f"expected initial to take at most {states.shape[2]} numbers, as states have, got {initial.hidden_size}"
            )
    if not callable(coverage) and coverage is not None:
        raise TypeError(f"expected coverage to be a function, got {shown(coverage)}")
