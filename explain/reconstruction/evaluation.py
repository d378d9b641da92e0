"""How much of the image the hidden states of an agent hold, compared with baselines and oracles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from explain.knowledge.intervals import Bootstrap, Estimate
from explain.measurement import Measurement
from explain.reconstruction.baselines import OracleMemory, full_image_oracle, oracle_memory, shuffled_states
from explain.reconstruction.errors import mean_image_error, reconstruction_error
from explain.reconstruction.fitting import FitSettings, fit_vae
from explain.reconstruction.vae import HiddenStateVAE
from explain.recording import Recording

BATCH = 1000
"""Images of the test split that the states of a baseline are computed of at a time."""


@dataclass(frozen=True, eq=False)
class ReconstructionEvaluation:
    """The reconstruction error of a VAE on an agent's hidden states, and what it is to be compared with.

    All errors are mean squared errors per pixel, for pixels in [0, 1].

    Attributes:
        vae: Fitted on the agent's hidden states, with the original as its target.
        error: Of this VAE, after each glimpse, `(T,)`.
        shuffled: Of a VAE on hidden states that were shuffled among images, `(T,)`: they tell nothing.
        oracle_memory: Of a VAE on the hidden state and all pixels seen so far, `(T,)`. What it lacks compared with
            `full_image_oracle`, the agent did not look at; what the agent lacks compared with it, the agent forgot.
        full_image_oracle: Of a VAE on the original, `()`: the best for a latent of this size.
        mean_image: Of the mean image, `()`: the best guess without looking.
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
        """The errors as plain numbers, and which ceilings failed, in words."""
        names = ("error", "shuffled", "oracle_memory", "full_image_oracle", "mean_image", "mean_of_class")
        return {name: getattr(self, name).to_json() for name in names} | {"failed_ceilings": failed_ceilings(self)}


def failed_ceilings(reconstruction: ReconstructionEvaluation) -> list[str]:
    """Says which oracles have a larger error than what they bound, so that they were fitted too little to bound it.

    Only differences count whose intervals do not overlap.
    """
    oracle_memory, full_image_oracle = reconstruction.oracle_memory, reconstruction.full_image_oracle
    return [
        *_failures("the oracle memory", oracle_memory, "the hidden states", reconstruction.error),
        *_failures("the full-image oracle", full_image_oracle, "the oracle memory", oracle_memory),
    ]


def _failures(ceiling: str, bound: Estimate, what: str, bounded: Estimate) -> list[str]:
    """In words, and with both errors, after which glimpses a ceiling does not bound what it should."""
    errors = zip(bound.value.expand_as(bounded.value).tolist(), bounded.value.tolist(), strict=True)
    failed = (bound.low > bounded.high).tolist()
    figures = [
        f"{number} ({error:.4f}, not {other:.4f})"
        for number, (fails, (error, other)) in enumerate(zip(failed, errors, strict=True), start=1)
        if fails
    ]
    return [f"{ceiling} has a larger error than {what} after glimpse {', '.join(figures)}"] if figures else []


def evaluate_reconstruction(
    measurement: Measurement,
    bootstrap: Bootstrap,
    fit_settings: FitSettings | None = None,
    *,
    progress: bool = False,
) -> ReconstructionEvaluation:
    """Compares the VAE of a measurement with VAEs of the same settings on baseline states.

    All VAEs are fitted for the same number of steps: a baseline that has fewer hidden states gets more epochs. That of
    the oracle memory begins as the agent's, with weights of 0 for the pixels, and keeps only what is better on held-out
    images. From few images it would otherwise learn the pixels by heart, and lie below what it is to bound.

    Args:
        measurement: Of the agent; its VAE has all of the original as its target.
        bootstrap: Of the images of its test split.
        fit_settings: How its VAE was fitted.
        progress: Show progress bars.

    Raises:
        ValueError: The VAE has another target.
    """
    train, test, vae = measurement.train, measurement.test, measurement.vae
    settings, how = vae.settings, fit_settings or FitSettings()
    if settings.target != "original" or settings.partial:
        raise ValueError(f'expected settings with target="original" and partial=False, got {settings}')

    def error_of(states: Tensor | OracleMemory, states_of: Callable[[Recording], Tensor]) -> Estimate:
        """Of a VAE fitted on states of the training split, where `states_of` gives those of test images."""
        times = round(train.hidden[..., 0].numel() / math.prod(states.shape[:2]))
        same_steps = replace(how, num_epochs=how.num_epochs * times, patience=how.patience * times)
        initial = vae if isinstance(states, OracleMemory) else None
        baseline = fit_vae(states, train.originals, settings, same_steps, initial=initial, progress=progress).vae
        batches = (test[start : start + BATCH] for start in range(0, len(test), BATCH))
        errors = [reconstruction_error(baseline, states_of(batch), batch.originals) for batch in batches]
        return bootstrap.mean(torch.cat(errors).squeeze(1))

    return ReconstructionEvaluation(
        vae=vae,
        error=bootstrap.mean(measurement.reconstruction_error.squeeze(1)),
        shuffled=error_of(shuffled_states(train.hidden), lambda batch: shuffled_states(batch.hidden)),
        oracle_memory=error_of(OracleMemory(train), oracle_memory),
        full_image_oracle=error_of(full_image_oracle(train), full_image_oracle),
        mean_image=bootstrap.mean(mean_image_error(train, test, by_class=False)),
        mean_of_class=bootstrap.mean(mean_image_error(train, test, by_class=True)),
    )
