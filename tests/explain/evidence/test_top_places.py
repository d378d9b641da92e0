"""How many of the highest places of a map are right."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given
from hypothesis import strategies as st

from explain.evidence.top_places import fraction_of_top


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6), st.data())
def test_it_is_the_mean_over_all_orders_of_tied_places(places: list[tuple[int, bool]], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(places)))
    orders = [
        order
        for order in itertools.permutations(places)
        if all(one[0] >= other[0] for one, other in itertools.pairwise(order))
    ]
    expected = sum(sum(right for _, right in order[:count]) / count for order in orders) / len(orders)
    maps = torch.tensor([float(value) for value, _ in places])
    found = fraction_of_top(maps, torch.tensor([right for _, right in places]), count)
    torch.testing.assert_close(found.item(), expected)
