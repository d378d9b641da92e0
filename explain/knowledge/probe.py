"""A linear probe: how well a linear classifier reads the label from the hidden state."""

from __future__ import annotations

import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from explain.recording import Recording


def linear_probe(train: Recording, test: Recording) -> Tensor:
    """Accuracy of a logistic regression from the hidden state to the label (Alain and Bengio 2017).

    One regression is fitted for each glimpse, on standardised hidden states, with an L2 penalty (`C=0.1`).

    Args:
        train: What the regressions are fitted on.
        test: What they are evaluated on, `T` glimpses.

    Returns:
        The fraction of `test` that is classified correctly after each glimpse, `(T,)` float64.
    """
    predicted = probe_predictions(train.hidden, train.labels, test.hidden)
    return (predicted == test.labels.cpu()[:, None]).double().mean(0)


def probe_predictions(hidden: Tensor, labels: Tensor, others: Tensor) -> Tensor:
    """What logistic regressions from the hidden state to the label predict, one for each glimpse; see `linear_probe`.

    Args:
        hidden: The states that they are fitted on, `(N, T, D)`.
        labels: The labels of these, `(N,)` int64.
        others: The states whose labels they predict, `(M, T, D)`.

    Returns:
        Labels on the CPU, `(M, T)` int64.
    """
    predicted = []
    for states, unknown in zip(hidden.cpu().unbind(1), others.cpu().unbind(1), strict=True):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        probe.fit(states.numpy(), labels.cpu().numpy())
        predicted.append(torch.from_numpy(probe.predict(unknown.numpy())))
    return torch.stack(predicted, dim=1)
