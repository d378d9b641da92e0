"""Environments compute with one thread, and leave torch's own number of threads as it was."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

from glimpse_env.reward_wrappers import VectorGlimpseReward
from glimpse_env.rewards import RewardFunction
from glimpse_env.world import World
from tests.glimpse_env.environment.playing_vectors import CLUTTERED, native, sample
from tests.torch_defaults import OF_THE_USER

pytestmark = pytest.mark.usefixtures("threads_of_the_user")


@pytest.fixture
def during_resets(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    seen: list[int] = []
    begin = World.begin

    def watch(world: World, *arguments: object, **named: object) -> object:
        seen.append(torch.get_num_threads())
        return begin(world, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(World, "begin", watch)
    return seen


def test_resets_take_one_thread(during_resets: list[int]) -> None:
    gym.make(CLUTTERED).reset(seed=0)
    envs = native(CLUTTERED, num_glimpses=1)
    envs.reset(seed=0)
    envs.step(sample(1)[0])
    assert during_resets == [1, 1, 1]
    assert torch.get_num_threads() == OF_THE_USER


def test_steps_take_one_thread() -> None:
    seen = []

    def potential(logits: Tensor, labels: Tensor) -> Tensor:
        seen.append(torch.get_num_threads())
        return logits[:, 0]

    envs = VectorGlimpseReward(native(reward=None), RewardFunction(potential))
    envs.reset(seed=0)
    envs.step(sample(1)[0])
    assert seen == [1]
    assert torch.get_num_threads() == OF_THE_USER


def test_the_number_of_threads_is_as_before_after_an_error() -> None:
    envs = native()
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="finite"):
        envs.step(np.full_like(sample(1)[0], np.nan))
    with pytest.raises(TypeError, match="expected seed"):
        envs.reset(seed="x")  # type: ignore[arg-type]
    assert torch.get_num_threads() == OF_THE_USER
