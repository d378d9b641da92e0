"""Localisation: does expected information gain (EIG) point at the image, and not at the distractors around it?

The three metrics are those of Quantus (Hedström et al. 2023), on a map with places for pixels. S is the set of places
on the image, and a(l) is the map, at least 0:

    pointing game (Zhang et al. 2018):            1 if the highest place of a lies in S, else 0
    relevance mass accuracy (Arras et al. 2022):  sum of a over S / sum of a over all places
    relevance rank accuracy (Arras et al. 2022):  fraction of the |S| highest places of a that lie in S

Tied places are counted in expectation.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explain.evidence.metric import Metric
from explain.evidence.top_places import fraction_of_top
from explain.knowledge.intervals import Bootstrap
from glimpse_env.retina import Retina


def places_on_image(originals: Tensor, corners: Tensor, canvas_shape: tuple[int, int], locations: Tensor) -> Tensor:
    """Which locations lie on the image: in the smallest box that holds all of its pixels that are not background.

    Args:
        originals: The clean images, `(N, channels, h, w)`.
        corners: Pixel column and row of each image's top-left corner on its canvas, `(N, 2)` int64.
        canvas_shape: `(height, width)` of a canvas in pixels.
        locations: `(L, 2)`, `(x, y)` in [-1, 1].

    Returns:
        `(N, L)` bool.

    Example:
        >>> originals = torch.zeros(1, 1, 4, 4).index_fill(3, torch.tensor([0, 1]), 1.0)
        >>> places_on_image(originals, torch.tensor([[4, 0]]), (8, 8), torch.tensor([[0.2, -0.9], [0.8, -0.9]]))
        tensor([[ True, False]])
    """
    height, width = canvas_shape
    pixels = (locations + 1) / 2 * torch.tensor([width, height], device=locations.device)  # (L, 2)
    inside = torch.ones(len(originals), len(locations), dtype=torch.bool, device=locations.device)
    shown = (originals > 0).any(1)
    for axis, along in enumerate((shown.any(1), shown.any(2))):  # columns, rows
        first = along.int().argmax(1)
        after = along.shape[1] - along.flip(1).int().argmax(1)
        start = corners[:, axis]
        inside &= (pixels[:, axis] >= (start + first)[:, None]) & (pixels[:, axis] < (start + after)[:, None])
    return inside & shown.flatten(1).any(1, keepdim=True)


def brightness_map(canvases: Tensor, retina: Retina, locations: Tensor) -> Tensor:
    """The mean pixel of the finest patch at each location, `(N, L)` in [0, 1].

    Args:
        canvases: `(N, channels, H, W)` uint8.
        retina: The geometry of looking.
        locations: `(L, 2)`, `(x, y)` in [-1, 1].
    """
    finest = Retina(retina.glimpse_size, 1)
    return finest.glimpses_everywhere(finest.pool(canvases), locations).flatten(2).mean(-1)


def localisation(maps: Tensor, on_image: Tensor, brightness: Tensor, bootstrap: Bootstrap) -> tuple[Metric, ...]:
    """Computes pointing game, relevance mass accuracy and relevance rank accuracy, the mean over images and glimpses.

    The nulls are a uniform map; centre bias, the fraction of the *other* images that lie at a place, which is what can
    be known without looking; and the brightness of the canvas.

    Args:
        maps: EIG of `N` images after `G` glimpses, `(N, G, L)`.
        on_image: Which places lie on the image, `(N, L)` bool.
        brightness: How bright the canvas is at a place, `(N, L)`, at least 0.
        bootstrap: Of `N` images.

    Returns:
        The three metrics, in this order.
    """
    others = max(len(on_image) - 1, 1)
    right = on_image[:, None].expand_as(maps)
    predictors = {"EIG": maps.double().clamp(min=0)} | {
        null: values.double()[:, None].expand_as(maps)
        for null, values in {
            "uniform": torch.ones_like(brightness),
            "centre bias": (on_image.double().sum(0) - on_image.double()) / others,
            "brightness": brightness,
        }.items()
    }
    size = right.sum(-1)

    def metric(name: str, question: str, values: dict[str, Tensor]) -> Metric:
        values = {key: numbers.where(size > 0, torch.nan) for key, numbers in values.items()}
        return Metric.over_images(name, question, values.pop("EIG"), values, bootstrap)

    return (
        metric(
            "pointing game",
            "Is the place of highest expected information gain on the image?",
            {key: fraction_of_top(values, right, 1) for key, values in predictors.items()},
        ),
        metric(
            "relevance mass accuracy",
            "How much of the expected information gain lies on the image?",
            {key: (values * right).sum(-1) / values.sum(-1) for key, values in predictors.items()},
        ),
        metric(
            "relevance rank accuracy",
            "As many places as the image has, those of highest expected information gain: how many are on the image?",
            {key: fraction_of_top(values, right, size.clamp(min=1)) for key, values in predictors.items()},
        ),
    )
