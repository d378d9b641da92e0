"""Canvases, made from the images of a data set.

A plain canvas is the image itself. A translated canvas is background with the image at a random place. A cluttered one
has distractors too: crops of other images, as in the cluttered MNIST of Mnih et al. 2014, section 4.1. All are uint8,
and those of all sub-environments are made in one call.
"""

from __future__ import annotations

import torch
from torch import Tensor

from glimpse_env.retina import MAX_PIXEL

CROP = 8
"""Side of a distractor in pixels."""

_MAX_PIXELS = 2**22
"""Pixels of distractors that are placed in one go; each takes some 20 bytes meanwhile."""


def numbers_needed(num_distractors: int) -> int:
    """How many uniform numbers `place` takes for a canvas: two for the image, five for each distractor."""
    return 2 + 5 * num_distractors


def place(images: Tensor, chosen: Tensor, canvas_size: int, num_distractors: int, numbers: Tensor) -> Tensor:
    """Places images, and distractors, at random on empty canvases.

    First the distractors, each a crop of 8x8 pixels of an image drawn with replacement, are added up and clipped. Then
    the image is added, and the sum is clipped again.

    Args:
        images: All images of the split, `(M, C, H, W)` uint8.
        chosen: Index of each canvas's image, `(N,)` int64.
        canvas_size: Side of a canvas in pixels, at least `max(H, W)`.
        num_distractors: How many distractors each canvas has.
        numbers: Uniform numbers in [0, 1), `(N, numbers_needed(num_distractors))`: the image's place `(x, y)`, then
            for each distractor its image, the crop's place in that image `(x, y)`, its place on the canvas `(x, y)`.

    Returns:
        The canvases, `(N, C, canvas_size, canvas_size)` uint8.
    """
    count = len(chosen)
    _, channels, height, width = images.shape
    at_once = max(1, _MAX_PIXELS // max(1, num_distractors * channels * CROP * CROP))
    if count > at_once:
        parts = zip(chosen.split(at_once), numbers.split(at_once), strict=True)
        return torch.cat([place(images, some, canvas_size, num_distractors, theirs) for some, theirs in parts])
    # The narrowest type that holds the sum of all distractors.
    dtype = torch.int16 if num_distractors * MAX_PIXEL <= torch.iinfo(torch.int16).max else torch.int32
    canvases = torch.zeros(count, channels, canvas_size * canvas_size, dtype=dtype, device=images.device)
    if num_distractors > 0:
        source, crop_x, crop_y, x, y = numbers[:, 2:].view(count, num_distractors, 5).unbind(-1)
        source = _pick(source, len(images))
        crops = images[
            source[..., None, None, None],
            torch.arange(channels, device=images.device)[:, None, None],
            _span(_pick(crop_y, height - CROP + 1), CROP)[:, :, None, :, None],
            _span(_pick(crop_x, width - CROP + 1), CROP)[:, :, None, None, :],
        ]  # (N, D, C, 8, 8)
        rows = _span(_pick(y, canvas_size - CROP + 1), CROP)
        cols = _span(_pick(x, canvas_size - CROP + 1), CROP)
        index = rows[..., :, None] * canvas_size + cols[..., None, :]  # (N, D, 8, 8)
        index = index.reshape(count, 1, -1).expand(-1, channels, -1)
        canvases.scatter_add_(2, index, crops.transpose(1, 2).reshape(count, channels, -1).to(dtype))
        canvases.clamp_(max=MAX_PIXEL)
    left, top = image_corners(numbers, canvas_size, (height, width)).unbind(-1)
    rows, cols = _span(top, height), _span(left, width)
    index = (rows[:, :, None] * canvas_size + cols[:, None, :]).view(count, 1, -1).expand(-1, channels, -1)
    canvases.scatter_add_(2, index, images.index_select(0, chosen).view(count, channels, -1).to(dtype))
    return canvases.clamp_(max=MAX_PIXEL).to(torch.uint8).view(count, channels, canvas_size, canvas_size)


def image_corners(numbers: Tensor, canvas_size: int, image_shape: tuple[int, int]) -> Tensor:
    """Where `place` puts each image.

    Args:
        numbers: The uniform numbers that `place` takes, `(N, numbers_needed(num_distractors))`.
        canvas_size: Side of a canvas in pixels.
        image_shape: `(height, width)` of an image in pixels.

    Returns:
        Pixel column and row of each image's top-left corner on its canvas, `(N, 2)` int64.

    Example:
        >>> image_corners(torch.tensor([[0.0, 0.99]]), 40, (28, 28))
        tensor([[ 0, 12]])
    """
    height, width = image_shape
    return torch.stack(
        [_pick(numbers[:, 0], canvas_size - width + 1), _pick(numbers[:, 1], canvas_size - height + 1)], dim=-1
    )


def _pick(uniform: Tensor, choices: int) -> Tensor:
    return (uniform * choices).long()


def _span(start: Tensor, length: int) -> Tensor:
    return start[..., None] + torch.arange(length, device=start.device)
