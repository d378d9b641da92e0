"""A linear probe finds the label where it is, and only there."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import torch

from explain import Recording
from explain.knowledge.probe import linear_probe
from explain.reconstruction.baselines import shuffled_states
from glimpse_env.retina import Retina


def make_recording(images: int, seed: int) -> Recording:
    """The hidden state tells the label from the second glimpse on."""
    rng = np.random.default_rng(seed)
    labels = torch.arange(images) % 3
    hidden = torch.from_numpy(rng.normal(size=(images, 2, 4)).astype(np.float32))
    hidden[torch.arange(images), 1, labels] += 8
    return Recording(
        hidden=hidden,
        beliefs=torch.full((images, 2, 3), 1 / 3),
        locations=torch.zeros(images, 2, 2),
        labels=labels,
        indices=torch.arange(images),
        canvases=torch.zeros(images, 1, 4, 4, dtype=torch.uint8),
        originals=torch.zeros(images, 1, 4, 4, dtype=torch.uint8),
        retina=Retina(2, 1),
    )


def test_a_probe_finds_the_label_where_it_is_and_not_in_shuffled_states() -> None:
    train, test = make_recording(300, seed=1), make_recording(300, seed=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = linear_probe(train, test)
    assert first < 0.5
    assert second > 0.95
    shuffled = replace(train, hidden=shuffled_states(train.hidden))
    assert (linear_probe(shuffled, test) < 0.6).all()


def test_a_probe_is_evaluated_on_other_images_than_it_is_fitted_on() -> None:
    """Of 10 images in 30 dimensions it knows every label by heart, and guesses those of others."""
    rng = np.random.default_rng(0)
    train, test = make_recording(9, seed=1), make_recording(900, seed=2)
    train, test = (
        replace(one, hidden=torch.from_numpy(rng.normal(size=(len(one), 2, 30)).astype(np.float32)))
        for one in (train, test)
    )
    assert (linear_probe(train, train) == 1).all()
    assert (linear_probe(train, test) < 0.5).all()
