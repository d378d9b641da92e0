"""Every argument of agents takes every awkward value, or refuses it with an error that says what was expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from stable_baselines3 import PPO as SB3PPO

import agents
from agents import A2C, PPO, REINFORCE, Branching, LossWeights, RAMPolicy, Schedule, make_sb3_env
from agents.baselines.location_policies import LocationOverride, raster_scan
from tests.agents.making import ID, ITERATION, SIZES, make_agent, make_envs, observe
from tests.awkward_values import unclear_errors


@cache
def agent() -> Any:
    return make_agent(core="lstm")


def acted(value: Any, **arguments: Any) -> Any:
    """What an agent answers to two observations, of which the arguments replace a part."""
    return agent().predict(**{"observation": observe(2)} | arguments)


def attempts(tmp_path: Path) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What can be asked of agents, as functions of one value."""
    settings = [field for field in REINFORCE.settings_class.__dataclass_fields__ if field != "num_threads"]
    for name in [*settings, "learning_rat"]:
        yield f"setting {name}", lambda value, name=name: make_agent(**{name: value})
    yield "setting num_threads", lambda value: make_agent(num_threads=value)
    for name in ("n_epochs", "batch_size", "clip_range", "gae_lambda"):
        yield f"PPO's {name}", lambda value, name=name: make_agent(PPO, **{name: value})
    yield "A2C's gae_lambda", lambda value: make_agent(A2C, gae_lambda=value)
    yield "branches", lambda value: make_agent(Branching, num_branches=value)
    for name in ("policy", "baseline", "every_glimpse", "canvas"):
        yield f"loss weight {name}", lambda value, name=name: LossWeights(**{name: value})
        yield f"loss weights with {name}", lambda value, name=name: make_agent(loss_weights={name: value})
    for name in ("start", "end", "kind"):
        yield f"schedule {name}", lambda value, name=name: Schedule(**{"start": 1, "end": 0} | {name: value})

    for name in ("env", "seed", "device", "tensorboard_log", "verbose"):
        yield f"agent's {name}", lambda value, name=name: make_agent(**{name: value})
    yield "agent's policy", lambda value: REINFORCE(value, ID, num_envs=2)
    yield "agent's only argument", lambda value: REINFORCE(value, num_envs=2)
    yield "agent's policy_kwargs", lambda value: REINFORCE(ID, policy_kwargs=value, num_envs=2)
    sizes = ("hidden_size", "what_size", "where_size", "location_size", "baseline_size", "canvas_head")
    for name in ("core", *sizes, "glimpse_network", "layer_norm"):
        yield (
            f"policy's {name}",
            lambda value, name=name: REINFORCE(ID, policy_kwargs=SIZES | {name: value}, num_envs=2),
        )
    yield "policy's seed", lambda value: RAMPolicy(agent().observation_space, agent().action_space, seed=value)
    yield "observation space", lambda value: RAMPolicy(value, agent().action_space)
    yield "action space", lambda value: RAMPolicy(agent().observation_space, value)

    def learn(value: Any, name: str) -> None:
        make_agent(num_envs=1).learn(**{"total_timesteps": 0} | {name: value})

    for name in ("callback", "log_interval", "tb_log_name", "reset_num_timesteps", "progress_bar"):
        yield f"learn's {name}", lambda value, name=name: learn(value, name)
    yield (
        "learn's total_timesteps",
        lambda value: make_agent(num_envs=1).learn(value, lambda *_: False),
    )
    for name in ("accuracy", "total_timesteps"):
        yield f"agent.{name}", lambda value, name=name: setattr(make_agent(), name, value)

    for name in ("observation", "state", "episode_start", "deterministic"):
        yield f"predict's {name}", lambda value, name=name: acted(value, **{name: value})
    yield "predict's episode_start in mid-episode", lambda value: acted(value, state=acted(0)[1], episode_start=value)
    for name in ("glimpse", "location"):
        yield f"predict's {name}", lambda value, name=name: acted(value, observation=observe(2) | {name: value})

    short = make_envs(360, split="test", num_glimpses=1, initial_location=(0, 0))
    yield "evaluate's agent", lambda value: agents.evaluate(value)
    yield "evaluate's agent, in an environment", lambda value: agents.evaluate(value, short)
    yield "evaluate's env", lambda value: agents.evaluate(agent(), value)
    for name in ("seed", "num_threads"):
        yield f"evaluate's {name}", lambda value, name=name: agents.evaluate(agent(), short, **{name: value})

    for policy in (agents.look_at_random, agents.look_at_centre, agents.look_by_raster_scan):
        yield policy.__name__, lambda value, policy=policy: policy(value)
    yield "random policy's seed", lambda value: agents.look_at_random(agent(), seed=value)
    yield "location policy", lambda value: LocationOverride(agent(), value)
    yield "raster scan", raster_scan
    override = agents.look_at_centre(agent())
    for name in ("observation", "state", "episode_start"):
        yield (
            f"location override's {name}",
            lambda value, name=name: override.predict(**{"observation": observe(2)} | {name: value}),
        )

    yield "convnet's env", lambda value: agents.train_convnet(value, 1)
    for name in ("seed", "device", "num_threads"):
        yield f"convnet's {name}", lambda value, name=name: agents.train_convnet(ID, 1, **{name: value})
    yield (
        "convnet's num_images",
        lambda value: agents.train_convnet(ID, min(value, 128) if type(value) is int else value),
    )
    for name in ("channels", "num_classes", "seed"):
        yield (
            f"network's {name}",
            lambda value, name=name: agents.ConvNet(**{"channels": 1, "num_classes": 2} | {name: value}),
        )
    yield "preset", agents.find_preset


NAMES = [name for name, _ in attempts(Path())]


@pytest.mark.parametrize("name", NAMES)
def test_awkward_values_are_taken_or_refused_in_clear_words(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)  # some values are names of files
    unclear = unclear_errors(dict(attempts(tmp_path))[name])
    assert not unclear, unclear


@pytest.mark.parametrize("policy", [agents.look_at_random, agents.look_at_centre, agents.look_by_raster_scan])
def test_location_policies_refuse_models_of_stable_baselines3(policy: Any) -> None:
    model = SB3PPO("MultiInputPolicy", make_sb3_env(ID, num_envs=2), n_steps=2, batch_size=4)
    with pytest.raises(TypeError, match=r"expected an agent as agents\.load returns it, with num_glimpses, .* got PPO"):
        policy(model)


@pytest.mark.parametrize("steps", [1e3, 1000, torch.tensor(1000).item()])
def test_steps_may_be_a_whole_float(steps: float) -> None:
    trained = make_agent(num_envs=100).learn(steps, lambda *_: False)
    assert trained.total_timesteps == 1000
    assert isinstance(trained.total_timesteps, int)
    assert trained.num_timesteps == ITERATION // 4 * 100
