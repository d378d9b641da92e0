"""The evidence lower bound of a variational autoencoder, in nats an image, as pure functions.

The encoder says `q(z | h)`, a Gaussian with independent components, the decoder `p(x | z)`, for each pixel the
probability of being white; grey pixels count as white in part. The prior `p(z)` is the standard normal distribution
(Kingma and Welling 2014).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def reconstruction_loss(logits: Tensor, target: Tensor, counted: Tensor | None = None) -> Tensor:
    """Minus the log-likelihood of the target.

    Args:
        logits: Of each pixel's probability of being white, `(..., channels, H, W)`.
        target: Pixels in [0, 1], of the same shape.
        counted: Which pixels count, `(..., 1, H, W)` bool; by default all.

    Returns:
        `(...)`, in nats, summed over pixels.
    """
    loss = binary_cross_entropy_with_logits(logits, target, reduction="none")
    if counted is not None:
        loss = loss * counted
    return loss.flatten(-3).sum(-1)


def kl_from_prior(mean: Tensor, log_variance: Tensor) -> Tensor:
    """How far `q(z | h)` is from the prior, in closed form (Kingma and Welling 2014, appendix B).

    Args:
        mean: `(..., latent_size)`.
        log_variance: Of the same shape.

    Returns:
        `(...)`, at least 0, in nats.
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(-1)
