"""Posterior check: is the true image as likely under what is imagined from a hidden state as the imagined ones are?

A VAE draws images x_1, ..., x_S from a hidden state. The likelihood of an image x beside imagined image i is, with the
Bernoulli likelihood that the VAE was fitted by,

    T_i(x) = log mean over s != i of p(x | x_s),   log p(x | m) = sum over pixels of x log m + (1 - x) log(1 - m)

The rank of the true image x is the fraction of the imagined ones with T_i(x_i) < T_i(x), ties counted half. If what is
imagined is calibrated, x and x_i may be exchanged, and the mean rank is 1/2 (posterior predictive checks, Rubin 1984;
ranks as in simulation-based calibration, Talts et al. 2018). It is near 0 if imagined images are all alike and unlike
the true one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explain.evidence.metric import Metric
from explain.knowledge.intervals import Bootstrap
from explain.reconstruction.baselines import shuffled_states
from explain.reconstruction.vae import HiddenStateVAE
from glimpse_env.utils.layers import new_generator

NUM_SAMPLES = 32
"""Images that are imagined for each hidden state."""
LOWEST = 1e-6
"""Imagined pixels are kept this far from 0 and 1."""


def posterior_ranks(imagined: Tensor, true: Tensor) -> Tensor:
    """Computes the rank of each true image among those that are imagined.

    Args:
        imagined: `S` imagined images for each of `M` states, `(S, M, channels, H, W)` in [0, 1], at least 2.
        true: The true image of each state, `(M, channels, H, W)` in [0, 1].

    Returns:
        `(M,)` float64 in [0, 1].

    Example:
        >>> imagined = torch.full((4, 1, 1, 2, 2), 0.1)
        >>> posterior_ranks(imagined, torch.ones(1, 1, 2, 2)), posterior_ranks(imagined, torch.full((1, 1, 2, 2), 0.1))
        (tensor([0.], dtype=torch.float64), tensor([0.5000], dtype=torch.float64))
    """
    means = imagined.flatten(2).transpose(0, 1).clamp(LOWEST, 1 - LOWEST)  # (M, S, pixels)
    log_odds, offsets = means.logit(), (1 - means).log().sum(-1)  # log p(x | m) = x . log odds + offset
    images = torch.cat([imagined.flatten(2).transpose(0, 1), true.flatten(1)[:, None]], dim=1)  # (M, S + 1, pixels)
    likelihoods = (images @ log_odds.transpose(1, 2) + offsets[:, None]).double()  # (M, S + 1, S)
    itself = torch.eye(means.shape[1], dtype=torch.bool, device=means.device)
    of_imagined = likelihoods[:, :-1].masked_fill(itself, -math.inf).logsumexp(-1)  # (M, S), log mean up to a constant
    of_true = likelihoods[:, -1:].masked_fill(itself, -math.inf).logsumexp(-1)
    tied = torch.isclose(of_imagined, of_true, rtol=1e-6, atol=1e-6)
    return (((of_imagined < of_true) & ~tied).double() + tied.double() / 2).mean(1)


def posterior_check(
    vae: HiddenStateVAE, hidden: Tensor, images: Tensor, bootstrap: Bootstrap, *, seed: int = 0
) -> Metric:
    """Computes the mean rank of the true image. The null is imagined from the hidden states of other images.

    Args:
        vae: Imagines images.
        hidden: Hidden states of `N` images after `T` glimpses, `(N, T, D)`.
        images: What the VAE reconstructs, `(N, channels, H, W)` in [0, 1].
        bootstrap: Of `N` images.
        seed: Determines what is imagined, and which states are shuffled.
    """

    def ranks(states: Tensor) -> Tensor:
        generator = new_generator(seed)
        by_glimpse = [posterior_ranks(vae.sample(one, NUM_SAMPLES, generator), images) for one in states.unbind(1)]
        return torch.stack(by_glimpse, dim=1)

    return Metric.over_images(
        "posterior check",
        "Is the true image as likely as those that are imagined? (mean rank; 0.5 if it is)",
        ranks(hidden),
        {"shuffled hidden states": ranks(shuffled_states(hidden, seed))},
        bootstrap,
    )
