"""Specs of environments that were made with arguments of other types than JSON has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec

import glimpse_env  # noqa: F401

ID = "GlimpseDigits-v0"
ARGUMENTS: dict[str, Any] = {
    "data_dir": Path("some", "where"),
    "num_glimpses": np.int64(3),
    "glimpse_size": np.uint8(5),
    "initial_location": (np.float32(0.5), -0.5),
    "reward": "entropy",
    "reward_weight": np.float32(0.25),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_of_a_spec_survives_json(name: str) -> None:
    env = gym.make(ID, **{name: ARGUMENTS[name]})
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    given, read = (made.unwrapped.world.config for made in (env, again))  # type: ignore[attr-defined]
    assert str(given) == str(read)
    assert again.spec.to_json() == env.spec.to_json()


def test_a_vector_environments_spec_survives_json() -> None:
    arguments = ARGUMENTS | {"num_envs": np.int64(2), "device": torch.device("cpu")}
    envs = gym.make_vec(ID, vectorization_mode="vector_entry_point", **arguments)
    kwargs = json.loads(envs.spec.to_json())["kwargs"]
    assert kwargs["data_dir"] == str(ARGUMENTS["data_dir"])
    assert (kwargs["num_glimpses"], kwargs["device"], kwargs["reward_weight"]) == (3, "cpu", 0.25)
