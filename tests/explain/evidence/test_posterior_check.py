"""The posterior check, on images whose distribution is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explain.evidence.posterior_check import posterior_check, posterior_ranks
from explain.knowledge.intervals import Bootstrap
from explain.reconstruction.vae import HiddenStateVAE, VAESettings

S, M, SIDE = 15, 400, 3


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_images_from_what_is_imagined_have_uniform_ranks() -> None:
    images = draw(S + 1, M, 1, SIDE, SIDE).round()
    ranks = posterior_ranks(images[:S], images[S])
    assert ranks.mean() == pytest.approx(0.5, abs=0.05)
    counts = torch.histc(ranks, 4, 0, 1) / M
    assert (counts - 0.25).abs().max() < 0.08


def test_an_image_that_cannot_be_imagined_has_rank_0() -> None:
    imagined = 0.1 * draw(S, M, 1, SIDE, SIDE)
    assert torch.equal(posterior_ranks(imagined, torch.ones(M, 1, SIDE, SIDE)), torch.zeros(M, dtype=torch.float64))


def test_the_likelihoods_are_those_of_their_equation() -> None:
    imagined, true = draw(3, 1, 1, 2, 2), draw(1, 1, 2, 2, seed=1)

    def expected_likelihood(image: Tensor, means: list[Tensor]) -> Tensor:
        logs = [(image * mean.log() + (1 - image) * (1 - mean).log()).sum() for mean in means]
        return torch.stack(logs).exp().mean().log()

    lower = 0
    for one in range(3):
        others = [imagined[other, 0] for other in range(3) if other != one]
        lower += int(expected_likelihood(imagined[one, 0], others) < expected_likelihood(true[0], others))
    assert posterior_ranks(imagined, true).item() == pytest.approx(lower / 3)


def test_states_of_other_images_are_told_from_the_own() -> None:
    """A VAE that decodes the state itself: a state is the image."""
    count, pixels = 60, SIDE * SIDE
    images = draw(count, 1, SIDE, SIDE).round()
    vae = HiddenStateVAE(pixels, (1, SIDE, SIDE), VAESettings(latent_size=pixels))

    class Copy(torch.nn.Module):
        def sample(self, hidden: Tensor, num_samples: int, generator: torch.Generator) -> Tensor:
            noise = torch.rand((num_samples, *hidden.shape), generator=generator)
            likely = torch.where(noise < 0.1, 1 - hidden, hidden)
            return likely.view(num_samples, -1, 1, SIDE, SIDE)

    vae.sample = Copy().sample  # type: ignore[method-assign]
    metric = posterior_check(vae, images.view(count, 1, pixels), images, Bootstrap(count))
    assert metric.value.value > 0.4
    assert metric.nulls["shuffled hidden states"].value < 0.15
    assert metric.passes
