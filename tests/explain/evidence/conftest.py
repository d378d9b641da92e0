"""Episodes in a finite world, in which the agent draws the right conclusions from what it sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from explain.recording import Recording
from glimpse_env.retina import grid_locations


@pytest.fixture
def world_recording(random_world: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a world and a recording of its agent at all of its canvases, with glimpses at random cells."""

    def make(seed: int = 0, num_glimpses: int = 4, **sizes: int) -> tuple[Any, Recording]:
        world = random_world(seed, **sizes)
        count, cells = len(world.labels), grid_locations(world.grid)
        generator = torch.Generator().manual_seed(seed)
        locations = cells[torch.randint(len(cells), (count, num_glimpses), generator=generator)]
        state, hidden, beliefs = None, [], []
        for location in locations.unbind(1):
            glimpse = world.retina.glimpses(world.tables, location)
            _, state = world.predict({"glimpse": glimpse.numpy(), "location": location.numpy()}, state)
            hidden.append(torch.as_tensor(state))
            beliefs.append(torch.as_tensor(world.beliefs(state)))
        recording = Recording(
            hidden=torch.stack(hidden, dim=1),
            beliefs=torch.stack(beliefs, dim=1),
            locations=locations,
            labels=world.labels,
            indices=torch.arange(count),
            canvases=world.canvases,
            originals=world.canvases,
            retina=world.retina,
        )
        return world, recording

    return make
