"""How much of the image an agent's hidden states hold, beside what that must be compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from explain.knowledge.intervals import Bootstrap, Estimate
from explain.metrics import mean_image_error, reconstruction_error
from explain.reconstruction.baselines import full_image_oracle, oracle_memory, shuffled
from explain.reconstruction.fitting import FitSettings, fit_vae
from explain.reconstruction.vae import HiddenStateVAE, VAESettings
from explain.recording import Recording

Control = Callable[[Recording], Recording]
BATCH = 1000
"""Images of the test split that a control is made of at a time."""
MAX_BYTES = 2 * 10**9
"""Memory for all that a perfect memory holds: where the training split needs more, fewer of its images are used."""


@dataclass(frozen=True, eq=False)
class ReconstructionEvaluation:
    """A VAE on an agent's hidden states, and how far what it imagines is from the original.

    All errors are mean squared errors a pixel, pixels being in [0, 1].

    Attributes:
        vae: Fitted on the agent's hidden states, with the original as its target.
        error: Of this VAE, after each glimpse, `(T,)`.
        shuffled: Of a VAE on hidden states that belong to other images, `(T,)`: nothing can be imagined from them.
        oracle_memory: Of a VAE that is given all pixels seen so far, `(T,)`. What it does worse than
            `full_image_oracle`, the agent has not looked at; what the agent does worse than it, it has forgotten.
        full_image_oracle: Of a VAE that is given the original, `()`: the ceiling for a latent code of this size.
        mean_image: Of the mean image, `()`: what can be imagined without looking.
        mean_of_class: Of the mean image of the true class, `()`.
    """

    vae: HiddenStateVAE
    error: Estimate
    shuffled: Estimate
    oracle_memory: Estimate
    full_image_oracle: Estimate
    mean_image: Estimate
    mean_of_class: Estimate

    def to_json(self) -> dict[str, Any]:
        """The errors as plain numbers."""
        names = ("error", "shuffled", "oracle_memory", "full_image_oracle", "mean_image", "mean_of_class")
        return {name: getattr(self, name).to_json() for name in names}


def evaluate_reconstruction(
    train: Recording,
    test: Recording,
    bootstrap: Bootstrap,
    settings: VAESettings | None = None,
    fit_settings: FitSettings | None = None,
    *,
    progress: bool = False,
) -> ReconstructionEvaluation:
    """Fits a VAE on an agent's hidden states, and all others that it is to be compared with in the same way.

    Every VAE is fitted for as many steps: where a control has fewer hidden states than the agent, they are used in more
    epochs.

    Args:
        train: What they are fitted on.
        test: Other images, that they are measured on.
        bootstrap: Of the images in `test`.
        settings: Of every VAE; its target is all of the original.
        fit_settings: How the agent's is fitted.
        progress: Show progress bars.

    Raises:
        ValueError: `settings` have another target.
    """
    settings, how = settings or VAESettings(), fit_settings or FitSettings()
    if settings.target != "original" or settings.partial:
        raise ValueError(f'expected settings with target="original" and partial=False, got {settings}')

    def fitted(control: Control, num_train: int = len(train)) -> tuple[HiddenStateVAE, Estimate]:
        states = control(train[:num_train])
        times = round(train.beliefs[..., 0].numel() / states.beliefs[..., 0].numel())
        as_long = replace(how, num_epochs=how.num_epochs * times, patience=how.patience * times)
        vae = fit_vae(states, settings, as_long, progress=progress).vae
        errors = [
            reconstruction_error(vae, control(test[start : start + BATCH])) for start in range(0, len(test), BATCH)
        ]
        return vae, bootstrap.mean(torch.cat(errors).squeeze(1))

    vae, error = fitted(lambda recording: recording)
    bytes_an_image = oracle_memory(train[:1]).hidden.nbytes
    blind, told = (mean_image_error(train, test, by_class=by_class) for by_class in (False, True))
    return ReconstructionEvaluation(
        vae=vae,
        error=error,
        shuffled=fitted(shuffled)[1],
        oracle_memory=fitted(oracle_memory, max(2, MAX_BYTES // bytes_an_image))[1],
        full_image_oracle=fitted(full_image_oracle)[1],
        mean_image=bootstrap.mean(blind),
        mean_of_class=bootstrap.mean(told),
    )
