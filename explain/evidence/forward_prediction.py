"""Forward prediction: how well does expected information gain (EIG) predict where the agent looks next?

A map becomes a prediction p of the next place by a softmax:

    p(l) = exp(EIG(l) / temperature) / sum over places of the same

Its log likelihood is given over that of a uniform prediction, log p(l) + log L, in nats, as the information gain of
saliency models is (Kümmerer et al. 2015). What a prediction has free, such as the temperature, is fitted on one half of
the images and judged on the other, both ways round.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from explain.evidence.metric import Metric
from explain.evidence.top_places import fraction_of_top
from explain.knowledge.intervals import Bootstrap

MIN_IMAGES = 4
"""Images whose maps are needed: half of them are fitted on, one of these left out."""
TOP = 0.05
"""The fraction of all places that are the highest."""
INVERSE_TEMPERATURES = torch.logspace(-2, 4, 61, dtype=torch.float64, device="cpu")
"""What is tried for 1 / temperature, in 1 / nats."""
WIDTHS = torch.logspace(-1.5, 0.7, 23, dtype=torch.float64, device="cpu")
"""What is tried for the standard deviation of a Gaussian on the canvas, whose side is 2."""

Predict = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Fits a prediction on the maps `(F, L)` and next places `(F,)` of some images, numbered as the locations `(L, 2)` are,
and returns log probabilities for other images, of which it gets the maps `(N, L)`: `(N, L)`."""


def forward_prediction(maps: Tensor, locations: Tensor, looked: Tensor, bootstrap: Bootstrap) -> tuple[Metric, ...]:
    """Computes how likely the next places are under EIG, and how often they are among its highest.

    The nulls are a uniform prediction; centre bias, a Gaussian around the centre of the canvas; and place frequency,
    how often other images are looked at there with the same glimpse, smoothed by a Gaussian. The width of each Gaussian
    is fitted as the temperature is: for each glimpse, by likelihood.

    Args:
        maps: EIG of `N` images after `G` glimpses, `(N, G, L)`, in nats; at least 4 images.
        locations: The places, `(L, 2)`, `(x, y)` in [-1, 1].
        looked: Where the agent looked after each of these glimpses, `(N, G, 2)`.
        bootstrap: Of `N` images.

    Returns:
        Two metrics: log likelihood over a uniform prediction, in nats; and the fraction of glimpses that go to the
        highest twentieth of the places.

    Raises:
        ValueError: There are fewer than 4 images.
    """
    if len(maps) < MIN_IMAGES:
        raise ValueError(f"expected maps of at least {MIN_IMAGES} images, got {len(maps)}")
    maps, locations, looked = maps.cpu().double(), locations.cpu().double(), looked.cpu().double()
    count, num_glimpses, num_places = maps.shape
    places = torch.cdist(looked, locations.expand(count, -1, -1)).argmin(-1)  # (N, G)
    predictions = {
        name: torch.stack(
            [_cross_fitted(predict, maps[:, one], locations, places[:, one]) for one in range(num_glimpses)], dim=1
        )
        for name, predict in {"EIG": _softmax, "centre bias": _centre_bias, "place frequency": _frequency}.items()
    }
    predictions["uniform"] = torch.full_like(maps, -math.log(num_places))
    likelihoods = {
        name: values.gather(-1, places[..., None]).squeeze(-1) + math.log(num_places)
        for name, values in predictions.items()
    }
    top = max(1, round(TOP * num_places))
    right = torch.nn.functional.one_hot(places, num_places).bool()
    hits = {name: top * fraction_of_top(values, right, top) for name, values in predictions.items()}
    return (
        Metric.over_images(
            "forward prediction",
            "How much likelier is the place where the agent looks next than under a uniform prediction?",
            likelihoods.pop("EIG"),
            likelihoods,
            bootstrap,
            unit="nats",
        ),
        Metric.over_images(
            "forward prediction, top 5 %",
            "How often is the next place among the 5 % with the highest expected information gain?",
            hits.pop("EIG"),
            hits,
            bootstrap,
        ),
    )


def _cross_fitted(predict: Predict, maps: Tensor, locations: Tensor, places: Tensor) -> Tensor:
    """Log probabilities `(N, L)` for the images of each half by what was fitted on the other."""
    halves = torch.arange(len(maps), device="cpu") % 2 == 0
    predicted = torch.empty_like(maps)
    for judged in (halves, ~halves):
        predicted[judged] = predict(maps[~judged], places[~judged], maps[judged], locations)
    return predicted


def _softmax(maps: Tensor, places: Tensor, others: Tensor, locations: Tensor) -> Tensor:
    likelihoods = [
        (maps * inverse).log_softmax(-1).gather(-1, places[:, None]).mean() for inverse in INVERSE_TEMPERATURES
    ]
    return (others * INVERSE_TEMPERATURES[int(torch.stack(likelihoods).argmax())]).log_softmax(-1)


def _centre_bias(maps: Tensor, places: Tensor, others: Tensor, locations: Tensor) -> Tensor:
    by_width = (-locations.square().sum(-1) / (2 * WIDTHS[:, None].square())).log_softmax(-1)  # (W, L)
    return by_width[by_width[:, places].mean(1).argmax()].expand_as(others)


def _frequency(maps: Tensor, places: Tensor, others: Tensor, locations: Tensor) -> Tensor:
    squared = torch.cdist(locations, locations).square()
    kernels = (-squared / (2 * WIDTHS[:, None, None].square())).softmax(-1)  # (W, L, L), each row adds up to 1
    sums = kernels[:, places].sum(1)  # (W, L)
    own = kernels[:, places, places]  # (W, F): what an image adds to the place where it is looked at itself
    left_out = ((sums[:, places] - own) / (len(places) - 1)).clamp(min=1e-12).log().mean(1)
    chosen = sums[left_out.argmax()] / len(places)
    return chosen.clamp(min=1e-12).log().expand_as(others)
