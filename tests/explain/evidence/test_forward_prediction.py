"""Forward prediction of toy agents that look where a known rule says."""

from __future__ import annotations

import math

import pytest
import torch

from explain.evidence.forward_prediction import forward_prediction
from explain.knowledge.intervals import Bootstrap
from glimpse_env.retina import grid_locations

N, G, GRID = 200, 2, 5
L = GRID**2
LOCATIONS = grid_locations(GRID)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_an_oracle_map_is_certain_of_the_next_place() -> None:
    places = (draw(N, G) * L).long()
    maps = torch.nn.functional.one_hot(places, L).double()
    likelihood, top = forward_prediction(maps, LOCATIONS, LOCATIONS[places], Bootstrap(N))
    assert likelihood.value.value == pytest.approx(math.log(L), abs=1e-6)
    assert top.value.value == 1
    assert likelihood.passes
    assert top.passes
    assert likelihood.nulls["uniform"].value == 0


def test_a_random_map_predicts_no_better_than_chance() -> None:
    places = (draw(N, G) * L).long()
    likelihood, top = forward_prediction(draw(N, G, L, seed=1), LOCATIONS, LOCATIONS[places], Bootstrap(N))
    assert abs(likelihood.value.value) < 0.05
    assert top.value.low < 1 / L < top.value.high
    assert not likelihood.passes


def test_habits_are_predicted_by_the_frequency_of_places_and_not_by_the_map() -> None:
    places = torch.tensor([3, 21]).expand(N, G)  # each glimpse has its place, far from the centre
    likelihood, top = forward_prediction(draw(N, G, L), LOCATIONS, LOCATIONS[places], Bootstrap(N))
    assert likelihood.nulls["place frequency"].value > 0.9 * math.log(L)
    assert top.nulls["place frequency"].value == 1
    assert likelihood.nulls["centre bias"].value < 0.1
    assert likelihood.margins["place frequency"].high < 0


def test_agents_that_look_at_the_middle_are_predicted_by_centre_bias() -> None:
    places = torch.full((N, G), L // 2)
    likelihood, _ = forward_prediction(draw(N, G, L), LOCATIONS, LOCATIONS[places], Bootstrap(N))
    assert likelihood.nulls["centre bias"].value == pytest.approx(math.log(L), abs=1e-3)


def test_the_temperature_of_the_softmax_is_found() -> None:
    maps = draw(4000, 1, L) * 3
    places = torch.multinomial((maps[:, 0] * 2).softmax(-1), 1, generator=torch.Generator().manual_seed(5))
    likelihood, _ = forward_prediction(maps, LOCATIONS, LOCATIONS[places], Bootstrap(4000))
    exact = (maps * 2).log_softmax(-1).gather(-1, places[..., None]).mean() + math.log(L)
    assert likelihood.value.value == pytest.approx(float(exact), abs=0.01)


def test_what_is_judged_was_not_fitted_on() -> None:
    """Maps that are right for one half and wrong for the other mislead in both halves."""
    places = (draw(N, 1) * L).long()
    maps = torch.nn.functional.one_hot(places, L).double()
    maps[::2] *= -1
    likelihood, _ = forward_prediction(maps, LOCATIONS, LOCATIONS[places], Bootstrap(N))
    assert likelihood.value.value < 0


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="expected maps of at least 4 images, got 3"):
        forward_prediction(draw(3, 1, L), LOCATIONS, draw(3, 1, 2), Bootstrap(3))
