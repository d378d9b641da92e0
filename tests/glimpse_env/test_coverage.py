"""What was seen, against looking at canvases that are black but for one pixel."""

from __future__ import annotations

import pytest
import torch
from explain.seen import seen_so_far
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from glimpse_env.retina import MAX_PIXEL, box_sums, glimpses_everywhere

COORDINATES = st.floats(-1.5, 1.5, width=32)


def seen_by_looking(locations: Tensor, height: int, width: int, glimpse_size: int, num_scales: int) -> Tensor:
    """A pixel is seen if a glimpse at a canvas where it alone is white is not black."""
    pixels = height * width
    canvases = (torch.eye(pixels) * MAX_PIXEL).to(torch.uint8).view(pixels, 1, height, width)
    sums = box_sums(canvases, glimpse_size, num_scales)
    seen = torch.zeros(*locations.shape[:2], height, width, dtype=torch.bool)
    for image in range(locations.shape[0]):
        for glimpse in range(locations.shape[1]):
            for past in range(glimpse + 1):
                look = glimpses_everywhere(sums, locations[image, past][None], glimpse_size)
                seen[image, glimpse] |= look.flatten(1).any(1).view(height, width)
    return seen


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(1, 3),
    st.lists(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=3), min_size=1, max_size=2),
)
def test_seen_is_what_shows_in_a_glimpse(
    height: int, width: int, glimpse_size: int, num_scales: int, locations: list[list[tuple[float, float]]]
) -> None:
    where = torch.tensor(locations, dtype=torch.float32)
    seen = seen_so_far(where, (height, width), glimpse_size, num_scales)
    assert seen.dtype == torch.bool
    assert torch.equal(seen, seen_by_looking(where, height, width, glimpse_size, num_scales))


def test_a_whole_patch_is_seen_inside_and_a_quarter_in_the_corner() -> None:
    seen = seen_so_far(torch.tensor([[[0.0, 0.0]], [[1.0, -1.0]]]), (28, 40), 8, 1)
    assert seen.flatten(1).sum(1).tolist() == [64, 16]
    assert seen[0, 0, 10:18, 16:24].all()
    assert seen[1, 0, :4, 36:].all()


@pytest.mark.parametrize("num_scales", [1, 2])
def test_what_was_seen_stays_seen(num_scales: int) -> None:
    locations = torch.rand(5, 6, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    seen = seen_so_far(locations, (28, 28), 8, num_scales).int()
    assert (seen.diff(dim=1) >= 0).all()
    assert torch.equal(seen[:, :1], seen_so_far(locations[:, :1], (28, 28), 8, num_scales).int())
