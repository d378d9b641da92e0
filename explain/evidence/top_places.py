"""How many of the highest places of a map are the right ones."""

from __future__ import annotations

import torch
from torch import Tensor


def fraction_of_top(maps: Tensor, right: Tensor, count: Tensor | int) -> Tensor:
    """The fraction of the highest places of a map that are right, in expectation where places are tied.

    Args:
        maps: `(..., L)`.
        right: Which places are right, `(..., L)` bool.
        count: How many of the highest places there are, at least 1 and at most `L`, an integer or `(...)` int64.

    Returns:
        `(...)` float64 in [0, 1].

    Example:
        >>> maps, right = torch.tensor([[3.0, 1.0, 1.0]]), torch.tensor([[True, True, False]])
        >>> fraction_of_top(maps, right, 1).item(), fraction_of_top(maps, right, 2).item()
        (1.0, 0.75)
    """
    counts = torch.as_tensor(count, device=maps.device).expand(maps.shape[:-1])[..., None]
    last = maps.sort(-1, descending=True).values.gather(-1, counts - 1)
    above, tied = maps > last, maps == last
    left = (counts - above.sum(-1, keepdim=True)).double()
    hits = (above & right).sum(-1, keepdim=True) + left * (tied & right).sum(-1, keepdim=True) / tied.sum(
        -1, keepdim=True
    )
    return (hits / counts).squeeze(-1)
