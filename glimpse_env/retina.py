"""The retina: what a glimpse at a location looks like, as pure functions on batches of canvases.

A retina looks with `num_scales` square patches around one location. Patch `s` covers `glimpse_size * 2**s` pixels a
side and is average-pooled to `glimpse_size`, so that coarser patches see more and in less detail (Mnih et al. 2014,
section 3.1). Outside the canvas there is background (0).

Pooling is done once per canvas instead of once per glimpse: `box_sums` adds up the pixels below a `2**s` square at
every position, and `glimpses` then only picks `glimpse_size**2` of these sums for each patch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

WHITE = 255


def box_sums(canvases: Tensor, glimpse_size: int, num_scales: int) -> list[Tensor]:
    """Sums the pixels below a square of side `2**s`, for every scale and every position that a glimpse can need.

    Args:
        canvases: Batch of canvases, `(N, C, H, W)` uint8.
        glimpse_size: Side of a patch after pooling, in pixels.
        num_scales: Number of scales, at least 1.

    Returns:
        One integer tensor a scale, `(N, C, H + P, W + P)` with `P = glimpse_size * 2**s`, the side of the patch. Entry
        `[..., i, j]` is the sum over the square whose top-left pixel is `(i - P // 2, j - P // 2)`.
    """
    sums = []
    pooled = canvases
    for scale in range(num_scales):
        if scale > 0:
            half = 2 ** (scale - 1)
            # One name for all, so that each is let go of once the next is there.
            pooled = pad(pooled.to(_sum_dtype(scale)), (half, half, half, half))
            pooled = pooled[..., :-half, :] + pooled[..., half:, :]
            pooled = pooled[..., :-half] + pooled[..., half:]
        patch_size = glimpse_size * 2**scale
        # The first entry of `pooled` is the square that starts 2**scale - 1 pixels before the canvas.
        before, after = patch_size // 2 - 2**scale + 1, patch_size - patch_size // 2
        sums.append(pad(pooled, (before, after, before, after)))
    return sums


def glimpses(sums: list[Tensor], locations: Tensor, glimpse_size: int) -> Tensor:
    """Looks at each canvas once.

    Args:
        sums: What `box_sums` made of the `N` canvases with the same `glimpse_size`.
        locations: Where to look, `(N, 2)` float32, `(x, y)`; (-1, -1) is the top-left corner of the canvas. Clipped to
            [-1, 1].
        glimpse_size: Side of a patch after pooling, in pixels.

    Returns:
        The glimpses, `(N, num_scales * C, glimpse_size, glimpse_size)` float32 in [0, 1], fine scales first.

    Example:
        >>> canvas = torch.full((1, 1, 4, 4), 255, dtype=torch.uint8)
        >>> glimpses(box_sums(canvas, 2, 1), torch.tensor([[-1.0, -1.0]]), 2)
        tensor([[[[0., 0.],
                  [0., 1.]]]])
    """
    count, channels, height, width = sums[0].shape
    canvas_shape = (height - glimpse_size, width - glimpse_size)
    patches = []
    for scale, table in enumerate(sums):
        plan = _plan(canvas_shape, channels, glimpse_size, scale, locations.device)
        if count == 1:  # a slice of one table takes half as long as picking the same pixels one by one
            x, y = _starts(locations, plan.half, plan.shift)[0].tolist()
            side, block = glimpse_size * 2**scale, 2**scale
            patches.append(table[:, :, y : y + side : block, x : x + side : block] / plan.white)
        else:
            patch = table.view(count, -1).gather(1, _pixels(locations, plan)) / plan.white
            patches.append(patch.view(count, channels, glimpse_size, glimpse_size))
    return patches[0] if len(patches) == 1 else torch.cat(patches, dim=1)


def glimpses_everywhere(sums: list[Tensor], locations: Tensor, glimpse_size: int) -> Tensor:
    """Looks at each canvas once from every location.

    Args:
        sums: What `box_sums` made of the `N` canvases with the same `glimpse_size`.
        locations: Where to look, `(L, 2)` float32, `(x, y)`, clipped to [-1, 1].
        glimpse_size: Side of a patch after pooling, in pixels.

    Returns:
        `(N, L, num_scales * C, glimpse_size, glimpse_size)` float32 in [0, 1]: what `glimpses` gives for every pair.
    """
    count, channels, height, width = sums[0].shape
    canvas_shape = (height - glimpse_size, width - glimpse_size)
    patches = []
    for scale, table in enumerate(sums):
        plan = _plan(canvas_shape, channels, glimpse_size, scale, locations.device)
        patch = table.view(count, -1).index_select(1, _pixels(locations, plan).flatten()) / plan.white
        patches.append(patch.view(count, len(locations), channels, glimpse_size, glimpse_size))
    return torch.cat(patches, dim=2)


def patch_corners(locations: Tensor, canvas_shape: tuple[int, int], patch_size: int) -> Tensor:
    """Places square patches so that each is centred on its location, at whole-pixel precision.

    Args:
        locations: Where to look, `(N, 2)` float32, `(x, y)`, clipped to [-1, 1].
        canvas_shape: `(height, width)` of the canvas in pixels.
        patch_size: Side of the patch in pixels, odd or even.

    Returns:
        The pixel column and row of each patch's top-left corner, `(N, 2)` int64; negative or beyond the canvas where
        the patch is.

    Example:
        >>> patch_corners(torch.tensor([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]), (28, 40), 8)
        tensor([[-4, -4],
                [16, 10],
                [36, 24]])
    """
    half, shift = _placement(canvas_shape, patch_size, locations.device)
    return _starts(locations, half, shift) - patch_size // 2


def _starts(locations: Tensor, half: Tensor, shift: Tensor) -> Tensor:
    """Column and row of each patch's top-left corner in a table of sums, `(N, 2)` int64, at least 0."""
    # Two roundings, never one fused multiply-add: batches of every size must agree on the pixel.
    return (locations.clamp(-1, 1) * half).add_(shift).long()


def _placement(canvas_shape: tuple[int, int], patch_size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Half the canvas, and where a patch starts that is centred on its middle, both `(2,)` float32, `(x, y)`."""
    height, width = canvas_shape
    half = torch.tensor([width / 2, height / 2], device=device)
    return half, half - patch_size / 2 + 0.5 + patch_size // 2


class _Plan(NamedTuple):
    """How to find the patches of a scale in its flattened table `(C, rows, columns)`."""

    half: Tensor
    shift: Tensor
    strides: Tensor  # (2,): from a patch's column and row to its first pixel
    steps: Tensor  # (C*g*g,): from there to all its pixels
    white: int  # the sum over a white square


@lru_cache(maxsize=64)
def _plan(canvas_shape: tuple[int, int], channels: int, glimpse_size: int, scale: int, device: torch.device) -> _Plan:
    block = 2**scale
    patch_size = glimpse_size * block
    rows, columns = (side + patch_size for side in canvas_shape)
    along = torch.arange(glimpse_size, device=device) * block
    planes = torch.arange(channels, device=device) * (rows * columns)
    steps = planes[:, None, None] + along[:, None] * columns + along
    strides = torch.tensor([1, columns], device=device)
    return _Plan(*_placement(canvas_shape, patch_size, device), strides, steps.flatten(), WHITE * block * block)


def _pixels(locations: Tensor, plan: _Plan) -> Tensor:
    """Positions of each patch's pixels in a flattened table, `(L, C*g*g)` int64."""
    return (_starts(locations, plan.half, plan.shift) * plan.strides).sum(1, keepdim=True) + plan.steps


def _sum_dtype(scale: int) -> torch.dtype:
    return torch.int16 if WHITE * 4**scale <= torch.iinfo(torch.int16).max else torch.int32
