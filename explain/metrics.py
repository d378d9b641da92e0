"""Does the explanation hold? Numbers that say so, each to be seen beside its control."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from explain.knowledge.intervals import Bootstrap, Estimate
from explain.reconstruction.vae import HiddenStateVAE, to_unit
from explain.recording import Recording

BATCH = 1000


def reconstruction_error(vae: HiddenStateVAE, recording: Recording) -> Tensor:
    """How far what is imagined is from what there is.

    Args:
        vae: Fitted on another recording of the same agent.
        recording: `N` images, `T` glimpses.

    Returns:
        Mean squared error a pixel, `(N, T)` float32, pixels being in [0, 1].
    """
    images = recording.originals if vae.settings.target == "original" else recording.canvases
    errors = []
    for start in range(0, len(recording), BATCH):
        batch = slice(start, start + BATCH)
        imagined = vae.reconstruct(recording.hidden[batch])
        target = to_unit(images[batch])[:, None]
        errors.append((imagined - target).square().flatten(2).mean(-1))
    return torch.cat(errors)


def mean_image_error(fitted_on: Recording, recording: Recording, *, by_class: bool) -> Tensor:
    """How far the mean original is from each original: what can be imagined without looking.

    Args:
        fitted_on: Whose originals are averaged.
        recording: `N` other images.
        by_class: Whether the mean is that of the image's true class, or of all images.

    Returns:
        Mean squared error a pixel, `(N,)` float32.
    """
    originals, others = (to_unit(one.originals) for one in (fitted_on, recording))
    if not by_class:
        return (others - originals.mean(0)).square().flatten(1).mean(1)
    classes = int(max(fitted_on.labels.max(), recording.labels.max())) + 1
    means = torch.stack([originals[fitted_on.labels == label].mean(0) for label in range(classes)])
    return (others - means[recording.labels]).square().flatten(1).mean(1)


def linear_probe(fitted_on: Recording, recording: Recording) -> NDArray[np.float64]:
    """How well the label can be read off the hidden state by logistic regression (Alain and Bengio 2017).

    Args:
        fitted_on: Where the regression learns.
        recording: Where it is measured.

    Returns:
        Accuracy after each glimpse, `(T,)`.
    """
    accuracies = []
    for glimpse in range(recording.hidden.shape[1]):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        probe.fit(fitted_on.hidden[:, glimpse].cpu().numpy(), fitted_on.labels.cpu().numpy())
        accuracies.append(probe.score(recording.hidden[:, glimpse].cpu().numpy(), recording.labels.cpu().numpy()))
    return np.array(accuracies)


def rank_correlations(predicted: Tensor, gained: Tensor) -> Tensor:
    """How alike two quantities rank the same places, row by row (Spearman 1904).

    Args:
        predicted: For example the expected information gain of each place, `(M, L)`.
        gained: What was gained there, `(M, L)`.

    Returns:
        `(M,)` float64 in [-1, 1]; NaN where one of the two is the same everywhere.

    Example:
        >>> rank_correlations(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[9.0, 4.0, 1.0]])).round(decimals=6).item()
        -1.0
    """
    ranks = torch.from_numpy(np.stack([rankdata(values.numpy(), axis=1) for values in (predicted, gained)]))
    centred = ranks - ranks.mean(-1, keepdim=True)
    one, other = centred / centred.norm(dim=-1, keepdim=True)
    return (one * other).sum(-1)


def mean_rank_correlation(correlations: Tensor, bootstrap: Bootstrap) -> Estimate:
    """The mean over images of their rank correlations, those left out that are not defined.

    Args:
        correlations: `(N, ...)` in [-1, 1], NaN where there is none.
        bootstrap: Of `N` images.

    Returns:
        `(...)`, NaN where no image has one.
    """
    defined = ~correlations.isnan()
    sums = torch.stack([correlations.nan_to_num(0.0), defined.to(correlations.dtype)], dim=1)
    return bootstrap.of_mean(sums, lambda means: means[:, 0] / means[:, 1])


def overall_rank_correlation(predicted: Tensor, gained: Tensor, bootstrap: Bootstrap) -> Estimate:
    """How alike two quantities rank all images and glimpses taken together (Spearman 1904).

    Ranks are given once, and images are drawn with their ranks.

    Args:
        predicted: `(N, K)`.
        gained: `(N, K)`.
        bootstrap: Of `N` images.

    Returns:
        A single number in [-1, 1], NaN where one of the two is the same everywhere.

    Example:
        >>> values = torch.arange(12.0).view(4, 3)
        >>> overall_rank_correlation(values, values.square(), Bootstrap(4)).value.round(decimals=6)
        tensor(1., dtype=torch.float64)
    """
    ranks = (torch.from_numpy(rankdata(values.numpy())).view(values.shape) for values in (predicted, gained))
    one, other = ((rank - (rank.numel() + 1) / 2) / rank.numel() for rank in ranks)  # exactly 0 on average
    moments = torch.stack([one, other, one * one, other * other, one * other], dim=1).mean(-1)  # (N, 5)

    def correlation(means: Tensor) -> Tensor:
        mean, other_mean, square, other_square, product = means.unbind(-1)
        spread = (square - mean**2) * (other_square - other_mean**2)
        return (product - mean * other_mean) / spread.clamp(min=0).sqrt()

    return bootstrap.of_mean(moments, correlation)
