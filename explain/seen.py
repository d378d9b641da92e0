"""Which pixels of a canvas an agent has seen."""

from __future__ import annotations

import torch
from torch import Tensor

from glimpse_env.retina import patch_corners


def seen_so_far(locations: Tensor, canvas_shape: tuple[int, int], glimpse_size: int, num_scales: int) -> Tensor:
    """Marks the pixels that lay in a patch of any scale, of this glimpse or an earlier one.

    Args:
        locations: `(N, T, 2)` float32.
        canvas_shape: `(height, width)` in pixels.
        glimpse_size: Side of a patch after pooling, in pixels.
        num_scales: Patches a glimpse; the coarsest covers all others.

    Returns:
        `(N, T, height, width)` bool.

    Example:
        >>> seen_so_far(torch.tensor([[[-1.0, -1.0], [1.0, 1.0]]]), (3, 3), 2, 1).int()
        tensor([[[[1, 0, 0],
                  [0, 0, 0],
                  [0, 0, 0]],
        <BLANKLINE>
                 [[1, 0, 0],
                  [0, 0, 0],
                  [0, 0, 1]]]], dtype=torch.int32)
    """
    count, glimpses = locations.shape[:2]
    side = glimpse_size * 2 ** (num_scales - 1)
    corners = patch_corners(locations.flatten(0, 1), canvas_shape, side).view(count, glimpses, 2, 1)
    height, width = canvas_shape
    columns, rows = (
        (torch.arange(length) >= start) & (torch.arange(length) < start + side)
        for length, start in ((width, corners[:, :, 0]), (height, corners[:, :, 1]))
    )
    seen = rows[..., :, None] & columns[..., None, :]
    # In place: a cumulative sum would hold eight bytes for each of these.
    for glimpse in range(1, glimpses):
        seen[:, glimpse] |= seen[:, glimpse - 1]
    return seen
