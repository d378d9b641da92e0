"""The evidence lower bound (ELBO) of a variational autoencoder, in nats per image, as pure functions.

With the encoder `q(z | h)`, a Gaussian with independent components, the decoder `p(x | z)`, a Bernoulli distribution
for each pixel, and the standard normal prior `p(z)` (Kingma and Welling 2014):

    log p(x) >= ELBO = E_{z ~ q(z | h)}[ log p(x | z) ] - KL( q(z | h) || p(z) )

Grey pixels count as white in part.

This bound is one of `log p(x)`. As `q(z | h)` does not see x, nothing is gained by draws of z that differ, and they
are nearly the same: each shows the mean of all images that h leaves possible. A conditional VAE (Sohn, Lee and Yan
2015) has a prior `p(z | h)` and, while it is fitted, a recognition network `q(z | x, h)`. Its draws of `z ~ p(z | h)`
differ as these images do:

    log p(x | h) >= E_{z ~ q(z | x, h)}[ log p(x | z) ] - KL( q(z | x, h) || p(z | h) )
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def reconstruction_loss(logits: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
    """Minus the log-likelihood of the target, `-log p(x | z) = -sum x log p + (1 - x) log(1 - p)`, summed over pixels.

    Args:
        logits: Of each pixel's probability p of being white, `(..., channels, H, W)`.
        target: Pixels x in [0, 1], of the same shape.
        mask: Which pixels are summed over, `(..., 1, H, W)` bool; by default all.

    Returns:
        `(...)`, in nats.
    """
    loss = binary_cross_entropy_with_logits(logits, target, reduction="none")
    if mask is not None:
        loss = loss * mask
    return loss.flatten(-3).sum(-1)


def kl_from_prior(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The divergence of `q(z | h)` from the prior, in closed form (Kingma and Welling 2014, appendix B).

        KL( N(m, s^2) || N(0, 1) ) = sum over components of (m^2 + s^2 - log s^2 - 1) / 2

    Unlike `torch.distributions`, it takes the log-variance as the encoder gives it.

    Args:
        mean: `(..., latent_size)`.
        log_variance: Of the same shape.

    Returns:
        `(...)`, at least 0, in nats.
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(-1)


def kl_between(mean: Tensor, log_variance: Tensor, prior_mean: Tensor, prior_log_variance: Tensor) -> Tensor:
    """The divergence of one Gaussian with independent components from another, in closed form.

        KL( N(m, s^2) || N(n, r^2) ) = sum over components of ((m - n)^2 / r^2 + s^2 / r^2 - log(s^2 / r^2) - 1) / 2

    Args:
        mean: `(..., latent_size)`.
        log_variance: Of the same shape.
        prior_mean: Of the same shape, as all.
        prior_log_variance: Of the same shape.

    Returns:
        `(...)`, at least 0, in nats.
    """
    standardised = (mean - prior_mean) * (-0.5 * prior_log_variance).exp()
    return kl_from_prior(standardised, log_variance - prior_log_variance)
