"""A recording to draw: invented, but all that can be seen of it differs from image to image and glimpse to glimpse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from explain import Recording
from glimpse_env.retina import Retina

NAMES = ("zero", "one", "two")


def invent(
    num_images: int = 6,
    glimpses: int = 4,
    classes: int = 3,
    channels: int = 1,
    canvas: tuple[int, int] = (12, 12),
    original: tuple[int, int] | None = None,
    num_scales: int = 1,
) -> Recording:
    """Without a size of its own, the original is the canvas."""
    rng = np.random.default_rng(0)
    canvases = rng.integers(256, size=(num_images, channels, *canvas), dtype=np.uint8)
    originals = canvases
    if original is not None:
        originals = rng.integers(256, size=(num_images, channels, *original), dtype=np.uint8)
    return Recording(
        hidden=torch.as_tensor(rng.normal(size=(num_images, glimpses, 5)).astype(np.float32)),
        beliefs=torch.as_tensor(rng.dirichlet(np.ones(classes), size=(num_images, glimpses)).astype(np.float32)),
        locations=torch.as_tensor(rng.uniform(-0.9, 0.9, size=(num_images, glimpses, 2)).astype(np.float32)),
        labels=torch.as_tensor(np.arange(num_images) % classes),
        indices=torch.as_tensor(np.arange(num_images)),
        canvases=torch.as_tensor(canvases),
        originals=torch.as_tensor(originals),
        retina=Retina(4, num_scales),
    )


@pytest.fixture
def make_recording() -> Callable[..., Recording]:
    return invent


@pytest.fixture
def recording() -> Recording:
    return invent()


@pytest.fixture
def class_names() -> Sequence[str]:
    return NAMES


@pytest.fixture
def pixels_of() -> Callable[[Axes], np.ndarray]:
    """The image that was drawn first, `(H, W, 3)`."""
    return lambda axes: np.asarray(axes.images[0].get_array())


@pytest.fixture
def texts_of() -> Callable[[Any], list[str]]:
    """Everything that is written in a figure or in axes, but tick labels."""

    def texts(part: Any) -> list[str]:
        axes = part.axes if isinstance(part, Figure) else [part]
        found = [text.get_text() for one in axes for text in one.texts]
        found += [text for one in axes for text in (one.get_xlabel(), one.get_ylabel())]
        found += [one.get_title(loc) for one in axes for loc in ("left", "center")]
        return [text for text in found if text]

    return texts
