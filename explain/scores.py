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

from explain.recording import Recording
from explain.vae import HiddenStateVAE, to_unit

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
        imagined = vae.reconstruct(torch.from_numpy(recording.hidden[batch]))
        target = to_unit(torch.from_numpy(images[batch]))[:, None]
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
    originals, others = (to_unit(torch.from_numpy(one.originals)) for one in (fitted_on, recording))
    if not by_class:
        return (others - originals.mean(0)).square().flatten(1).mean(1)
    classes = int(max(fitted_on.labels.max(), recording.labels.max())) + 1
    means = torch.stack([originals[torch.from_numpy(fitted_on.labels == label)].mean(0) for label in range(classes)])
    return (others - means[torch.from_numpy(recording.labels)]).square().flatten(1).mean(1)


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
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        probe.fit(fitted_on.hidden[:, glimpse], fitted_on.labels)
        accuracies.append(probe.score(recording.hidden[:, glimpse], recording.labels))
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
