"""The evidence lower bound against torch.distributions, and against integrals done numerically."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from explain.reconstruction.elbo import kl_between, kl_from_prior, reconstruction_loss

GRID = torch.linspace(-30, 30, 24001, dtype=torch.float64)
STEP = (GRID[1] - GRID[0]).item()
PRIOR = Normal(torch.tensor(0.0, dtype=torch.float64), 1.0)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def pixels(*shape: int, seed: int = 0) -> Tensor:
    return (draw(*shape, seed=seed) > 0).double()


@given(st.integers(0, 2**31), st.floats(0.01, 3))
def test_divergence_from_the_prior_is_that_of_torch(seed: int, scale: float) -> None:
    mean, log_variance = draw(2, 5, 7, seed=seed) * scale
    posterior = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    prior = Independent(Normal(torch.zeros_like(mean), 1.0), 1)
    divergence = kl_from_prior(mean, log_variance)
    torch.testing.assert_close(divergence, kl_divergence(posterior, prior))
    assert (divergence >= 0).all()


@given(st.integers(0, 2**31), st.floats(0.01, 3))
def test_divergence_between_gaussians_is_that_of_torch(seed: int, scale: float) -> None:
    mean, log_variance, prior_mean, prior_log_variance = (scale * draw(4, 2, 5, 7, seed=seed)).unbind()
    one = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    other = Independent(Normal(prior_mean, (0.5 * prior_log_variance).exp()), 1)
    divergence = kl_between(mean, log_variance, prior_mean, prior_log_variance)
    torch.testing.assert_close(divergence, kl_divergence(one, other))
    standard = torch.zeros_like(mean)
    assert torch.equal(kl_between(mean, log_variance, standard, standard), kl_from_prior(mean, log_variance))


def test_the_prior_does_not_diverge_from_itself() -> None:
    assert (kl_from_prior(torch.zeros(3, 4), torch.zeros(3, 4)) == 0).all()


@pytest.mark.parametrize("leading", [(), (4,), (2, 4)])
def test_reconstruction_loss_is_minus_the_likelihood_of_black_and_white_pixels(leading: tuple[int, ...]) -> None:
    logits, target = 3 * draw(*leading, 2, 5, 6), pixels(*leading, 2, 5, 6, seed=1)
    expected = -Independent(Bernoulli(logits=logits), 3).log_prob(target)
    torch.testing.assert_close(reconstruction_loss(logits, target), expected)


def test_a_grey_pixel_is_white_in_part() -> None:
    logits, grey = draw(1, 1, 1, 1), torch.tensor([[[[0.3]]]], dtype=torch.float64)
    white, black = (reconstruction_loss(logits, torch.full_like(grey, value)) for value in (1.0, 0.0))
    torch.testing.assert_close(reconstruction_loss(logits, grey), 0.3 * white + 0.7 * black)


def test_masked_pixels_have_no_gradient() -> None:
    logits, target = draw(6, 3, 5, 5).requires_grad_(), pixels(6, 3, 5, 5, seed=1)
    mask = draw(6, 1, 5, 5, seed=2) > 0
    reconstruction_loss(logits, target, mask).sum().backward()
    assert logits.grad is not None
    unseen = ~mask.expand_as(logits)
    assert (logits.grad[unseen] == 0).all()
    torch.testing.assert_close(logits.grad[~unseen], (logits.detach().sigmoid() - target)[~unseen])


def test_a_mask_of_all_or_none() -> None:
    logits, target = draw(4, 1, 5, 5), pixels(4, 1, 5, 5, seed=1)
    everywhere = torch.ones(4, 1, 5, 5, dtype=torch.bool)
    assert torch.equal(reconstruction_loss(logits, target, everywhere), reconstruction_loss(logits, target))
    assert (reconstruction_loss(logits, target, ~everywhere) == 0).all()


def log_joint(weight: Tensor, bias: Tensor, target: Tensor) -> Tensor:
    """log p(x, z) of a linear decoder with one latent number, for every z of the grid."""
    logits = (GRID[:, None] * weight + bias).view(-1, 1, 1, weight.numel())
    return PRIOR.log_prob(GRID) - reconstruction_loss(logits, target.expand_as(logits))


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_falls_short_of_the_evidence_by_the_divergence_from_the_true_posterior(seed: int) -> None:
    weight, bias, target = 2 * draw(4, seed=seed), draw(4, seed=seed + 10), pixels(1, 1, 4, seed=seed + 20)
    joint = log_joint(weight, bias, target)
    evidence = (joint.logsumexp(0) + math.log(STEP)).item()
    mean, log_variance = draw(2, 1, seed=seed + 30)
    q = Normal(mean, (0.5 * log_variance).exp())
    density = q.log_prob(GRID).exp() * STEP
    loss = -(density * (joint - PRIOR.log_prob(GRID))).sum()
    bound = -(loss + kl_from_prior(mean, log_variance)).item()
    gap = (density * (q.log_prob(GRID) - joint + evidence)).sum().item()
    assert gap > 0
    assert bound < evidence
    assert evidence - bound == pytest.approx(gap, abs=1e-6)


def test_the_bound_is_tight_where_the_image_tells_nothing_and_q_is_the_prior() -> None:
    bias, target = draw(4), pixels(1, 1, 4, seed=1)
    evidence = (log_joint(torch.zeros(4, dtype=torch.float64), bias, target).logsumexp(0) + math.log(STEP)).item()
    nothing = torch.zeros(1, dtype=torch.float64)
    bound = -(reconstruction_loss(bias.view(1, 1, 4), target) + kl_from_prior(nothing, nothing)).item()
    assert bound == pytest.approx(evidence, abs=1e-9)
