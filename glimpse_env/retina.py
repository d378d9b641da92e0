"""The retina: how a glimpse at a location looks, and which pixels of a canvas it covers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

MAX_PIXEL = 255
"""The value of a white pixel; pixels are uint8."""


def cell_centres(count: int, device: torch.device | str = "cpu") -> Tensor:
    """The centres of `count` equal parts of [-1, 1], `(2 i + 1 - count) / count` for `i` from 0; `(count,)` float32.

    Example:
        >>> cell_centres(2)
        tensor([-0.5000,  0.5000])
    """
    return (2 * torch.arange(count, dtype=torch.float32, device=device) + 1 - count) / count


def grid_locations(grid: int, device: torch.device | str = "cpu") -> Tensor:
    """The centres of `grid` by `grid` equal cells of a canvas, row by row, `(grid**2, 2)` float32, `(x, y)`.

    Example:
        >>> grid_locations(2).tolist()
        [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]
    """
    along = cell_centres(grid, device)
    return torch.stack([along.repeat(grid), along.repeat_interleave(grid)], dim=1)


@dataclass(frozen=True)
class Retina:
    """The geometry of looking: `num_scales` square patches around one location.

    Patch `s` covers `glimpse_size * 2**s` pixels a side and is average-pooled to `glimpse_size`, so coarse patches see
    more, in less detail (Mnih et al. 2014, section 3.1). Outside the canvas there is background (0).

    Pooling happens once per canvas instead of once per glimpse: `pool` sums the pixels of every `2**s` square, and
    `glimpses` picks `glimpse_size**2` of these sums for each patch.

    Args:
        glimpse_size: Side of a patch after pooling, in pixels.
        num_scales: Number of patches, at least 1.

    Example:
        >>> retina = Retina(glimpse_size=2, num_scales=1)
        >>> canvas = torch.full((1, 1, 4, 4), 255, dtype=torch.uint8)
        >>> retina.glimpses(retina.pool(canvas), torch.tensor([[-1.0, -1.0]]))
        tensor([[[[0., 0.],
                  [0., 1.]]]])
    """

    glimpse_size: int
    num_scales: int

    def patch_size(self, scale: int) -> int:
        """Side of the patch of a scale on the canvas, in pixels: `glimpse_size * 2**scale`."""
        return self.glimpse_size * 2**scale

    @property
    def field_of_view(self) -> int:
        """Side of the coarsest patch on the canvas, in pixels; it covers all others."""
        return self.patch_size(self.num_scales - 1)

    def pool(self, canvases: Tensor) -> list[Tensor]:
        """Sums the pixels of every square of side `2**s` that a glimpse can need, for every scale `s`.

        Args:
            canvases: `(N, C, H, W)` uint8.

        Returns:
            One table of integers per scale, `(N, C, H + P, W + P)` with `P = patch_size(s)`. Entry `[..., i, j]` is the
            sum over the square whose top-left pixel is `(i - P // 2, j - P // 2)`.
        """
        tables = []
        pooled = canvases
        for scale in range(self.num_scales):
            if scale > 0:
                half = 2 ** (scale - 1)
                # One variable for all sums, so that each is freed as soon as the next is computed.
                pooled = pad(pooled.to(_sum_dtype(scale)), (half, half, half, half))
                pooled = pooled[..., :-half, :] + pooled[..., half:, :]
                pooled = pooled[..., :-half] + pooled[..., half:]
            patch_size = self.patch_size(scale)
            # The first entry of `pooled` is the square that starts 2**scale - 1 pixels before the canvas.
            before, after = patch_size // 2 - 2**scale + 1, patch_size - patch_size // 2
            tables.append(pad(pooled, (before, after, before, after)))
        return tables

    def glimpses(self, tables: list[Tensor], locations: Tensor) -> Tensor:
        """Looks at each canvas once, or from `L` locations of its own.

        Args:
            tables: What `pool` returned for `N` canvases.
            locations: Where to look, `(N, 2)` or `(N, L, 2)` float32, `(x, y)`, clipped to [-1, 1].

        Returns:
            `(N, num_scales * C, glimpse_size, glimpse_size)` float32 in [0, 1], fine scales first; with `L` after `N`
            if the locations have it.
        """
        if locations.numel() == 2 and locations.is_cpu:
            return self._one_glimpse(tables, locations)
        size = self.glimpse_size
        count, channels, height, width = tables[0].shape
        canvas_shape = (height - size, width - size)
        patches = []
        for scale, table in enumerate(tables):
            plan = _plan(canvas_shape, channels, size, scale, locations.device)
            patch = table.view(count, -1).gather(1, _pixels(locations, plan).view(count, -1)) / plan.max_sum
            patches.append(patch.view(*locations.shape[:-1], channels, size, size))
        return patches[0] if len(patches) == 1 else torch.cat(patches, dim=-3)

    def _one_glimpse(self, tables: list[Tensor], location: Tensor) -> Tensor:
        """What `glimpses` gives for one canvas and one location, in a third of the time: NumPy's calls cost less."""
        size = self.glimpse_size
        _, channels, height, width = tables[0].shape
        canvas_shape = (height - size, width - size)
        x, y = (min(max(along, -1.0), 1.0) for along in location.flatten().tolist())
        seen = np.empty((len(tables), channels, size, size), dtype=np.float32)
        for scale, table in enumerate(tables):
            block = 2**scale
            half_x, half_y, shift_x, shift_y = _placement_of_one(canvas_shape, size * block)
            # A product of two float32 is exact in float64, and so the roundings are those of `_starts`.
            left = int(np.float32(float(np.float32(x * half_x)) + shift_x))
            top = int(np.float32(float(np.float32(y * half_y)) + shift_y))
            side = size * block
            sums = table.numpy()[0, :, top : top + side : block, left : left + side : block]
            np.divide(sums, MAX_PIXEL * block * block, out=seen[scale], dtype=np.float32)
        return torch.from_numpy(seen.reshape(*location.shape[:-1], -1, size, size))

    def glimpses_everywhere(self, tables: list[Tensor], locations: Tensor) -> Tensor:
        """Looks at each canvas once from every location.

        Args:
            tables: What `pool` returned for `N` canvases.
            locations: Where to look, `(L, 2)` float32, `(x, y)`, clipped to [-1, 1].

        Returns:
            `(N, L, num_scales * C, glimpse_size, glimpse_size)` float32 in [0, 1]: what `glimpses` gives for each pair.
        """
        size = self.glimpse_size
        count, channels, height, width = tables[0].shape
        canvas_shape = (height - size, width - size)
        patches = []
        for scale, table in enumerate(tables):
            plan = _plan(canvas_shape, channels, size, scale, locations.device)
            patch = table.view(count, -1).index_select(1, _pixels(locations, plan).flatten()) / plan.max_sum
            patches.append(patch.view(count, len(locations), channels, size, size))
        return torch.cat(patches, dim=2)

    def patch_corners(self, locations: Tensor, canvas_shape: tuple[int, int], scale: int = 0) -> Tensor:
        """Places the patch of a scale so that it is centred on each location, at whole-pixel precision.

        Args:
            locations: Where to look, `(..., 2)` float32, `(x, y)`, clipped to [-1, 1].
            canvas_shape: `(height, width)` of the canvas in pixels.
            scale: Which patch; 0 is the finest.

        Returns:
            Pixel column and row of each patch's top-left corner, `(..., 2)` int64. A patch may begin before the canvas
            or end beyond it.

        Example:
            >>> corners = torch.tensor([[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]])
            >>> Retina(8, 1).patch_corners(corners, (28, 40))
            tensor([[-4, -4],
                    [16, 10],
                    [36, 24]])
        """
        patch_size = self.patch_size(scale)
        half, shift = _placement(canvas_shape, patch_size, locations.device)
        return _starts(locations, half, shift) - patch_size // 2

    def coverage(self, locations: Tensor, canvas_shape: tuple[int, int]) -> Tensor:
        """The coverage mask: which pixels lay in a patch of any scale, in this glimpse or an earlier one.

        Args:
            locations: `(N, T, 2)` float32.
            canvas_shape: `(height, width)` of the canvas in pixels.

        Returns:
            `(N, T, height, width)` bool.

        Example:
            >>> Retina(2, 1).coverage(torch.tensor([[[-1.0, -1.0], [1.0, 1.0]]]), (3, 3)).int()
            tensor([[[[1, 0, 0],
                      [0, 0, 0],
                      [0, 0, 0]],
            <BLANKLINE>
                     [[1, 0, 0],
                      [0, 0, 0],
                      [0, 0, 1]]]], dtype=torch.int32)
        """
        corners = self.patch_corners(locations, canvas_shape, self.num_scales - 1)[..., None]  # (N, T, 2, 1)
        height, width = canvas_shape
        columns, rows = (
            (pixels >= start) & (pixels < start + self.field_of_view)
            for pixels, start in (
                (torch.arange(width, device=locations.device), corners[:, :, 0]),
                (torch.arange(height, device=locations.device), corners[:, :, 1]),
            )
        )
        covered = rows[..., :, None] & columns[..., None, :]
        # In place: a cumulative sum would hold eight bytes per pixel.
        for glimpse in range(1, covered.shape[1]):
            covered[:, glimpse] |= covered[:, glimpse - 1]
        return covered


def _starts(locations: Tensor, half: Tensor, shift: Tensor) -> Tensor:
    """Column and row of each patch's top-left corner in a table of sums, `(..., 2)` int64, at least 0."""
    # Two roundings, never one fused multiply-add: batches of every size must agree on the pixel.
    return (locations.clamp(-1, 1) * half).add_(shift).long()


def _placement(canvas_shape: tuple[int, int], patch_size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Half the canvas, and where a patch starts that is centred on its middle, both `(2,)` float32, `(x, y)`."""
    height, width = canvas_shape
    half = torch.tensor([width / 2, height / 2], dtype=torch.float32, device=device)
    return half, half - patch_size / 2 + 0.5 + patch_size // 2


@lru_cache(maxsize=64)
def _placement_of_one(canvas_shape: tuple[int, int], patch_size: int) -> list[float]:
    """`_placement` as numbers of Python: half the width and height, then the shifts along them."""
    return torch.cat(_placement(canvas_shape, patch_size, torch.device("cpu"))).tolist()


class _Plan(NamedTuple):
    """How to find the patches of a scale in its flattened table `(C, rows, columns)`."""

    half: Tensor
    shift: Tensor
    strides: Tensor  # (2,): from a patch's column and row to its first pixel
    steps: Tensor  # (C*g*g,): from there to all its pixels
    # The sum over a white square. A float32 tensor, because integers by a Python number give torch's default dtype; on
    # the device of what it divides, because CUDA multiplies by the inverse of a number that is not, which rounds twice.
    max_sum: Tensor


@lru_cache(maxsize=64)
def _plan(canvas_shape: tuple[int, int], channels: int, glimpse_size: int, scale: int, device: torch.device) -> _Plan:
    block = 2**scale
    patch_size = glimpse_size * block
    rows, columns = (side + patch_size for side in canvas_shape)
    along = torch.arange(glimpse_size, device=device) * block
    planes = torch.arange(channels, device=device) * (rows * columns)
    steps = planes[:, None, None] + along[:, None] * columns + along
    strides = torch.tensor([1, columns], device=device)
    max_sum = torch.tensor(MAX_PIXEL * block * block, dtype=torch.float32, device=device)
    return _Plan(*_placement(canvas_shape, patch_size, device), strides, steps.flatten(), max_sum)


def _pixels(locations: Tensor, plan: _Plan) -> Tensor:
    """Positions of each patch's pixels in a flattened table, `(..., C*g*g)` int64."""
    return (_starts(locations, plan.half, plan.shift) * plan.strides).sum(-1, keepdim=True) + plan.steps


def _sum_dtype(scale: int) -> torch.dtype:
    return torch.int16 if MAX_PIXEL * 4**scale <= torch.iinfo(torch.int16).max else torch.int32
