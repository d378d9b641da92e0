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
    train, test = train.to("cpu"), test.to("cpu")
    accuracies = []
    for glimpse in range(test.hidden.shape[1]):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        probe.fit(train.hidden[:, glimpse].numpy(), train.labels.numpy())
        accuracies.append(probe.score(test.hidden[:, glimpse].numpy(), test.labels.numpy()))
    return torch.tensor(accuracies, dtype=torch.float64, device="cpu")
