"""Files made on purpose: every value and every tensor of a saved agent, replaced by what it must not be."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch

import agents
from agents import Algorithm, InvalidAgentError
from agents.loading import ALGORITHMS
from tests.agents.making import EVERY_ALGORITHM, ITERATION, assert_same_weights, make_agent, observe, training_state
from tests.archives import forge, members, redescribe, rewrite, unpack

# Each refusal says what was expected or what is unknown, in words of this library.
CLEAR = re.compile(
    r"cannot be loaded as an agent: .*(expected|Unknown|it lacks|its algorithm is|its format|does not des)"
)
AWKWARD: list[Any] = [
    None, True, 0, -1, 1, 1.5, 2**31, 10**300, 1e39, float("nan"), float("inf"), "", "1", "<script>\0", "x" * 5000,
    [], [1, 2, 3], [[None, None]], {}, {"": 0},
]  # fmt: skip
SMALL: dict[str, Any] = {"demonstration_path": ((0.5, 0.5),), "location_std": 0.1}


def make_tiny_agent(algorithm: type[Algorithm] = agents.REINFORCE) -> Any:
    agent = make_agent(algorithm, **SMALL).learn(ITERATION)
    agent.accuracy = 0.5
    return agent


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("agents") / "agent.zip"
    make_tiny_agent().save(path)
    return path


@pytest.fixture
def path(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(saved, tmp_path / "agent.zip"))


def places(value: Any, *above: Any) -> Iterator[tuple[Any, ...]]:
    """The way to everything in a description or in a dict of tensors."""
    for key, part in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*above, key)
        if isinstance(part, dict | list | tuple):
            yield from places(part, *above, key)


def put(value: Any, way: tuple[Any, ...], part: Any) -> Any:
    """A copy in which another part is at a place."""
    if not way:
        return part
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[way[0]] = put(value[way[0]], way[1:], part)
    return copied


def look_up(value: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        value = value[key]
    return value


def loads_or_is_refused(path: Path) -> Algorithm | None:
    """Loads a file that is either refused in clear words, or makes an agent that acts and can be saved."""
    refusal = None
    try:
        agent = agents.load(path, device="cpu")
    except InvalidAgentError as error:
        refusal = str(error)
    if refusal is not None:
        assert str(path) in refusal
        assert CLEAR.search(refusal), refusal
        assert len(refusal) < 1000
        assert "weights_only" not in refusal
        return None
    actions, _ = agent.predict(observe(3), deterministic=True)
    assert actions.shape == (3, agent.spec.num_classes + 2)
    agent.save(path.with_name("again.zip"))
    return agent


def own_settings(algorithm: type[Algorithm]) -> set[str]:
    return {field.name for field in fields(algorithm.settings_class)} - {
        field.name for field in fields(agents.Settings)
    }


@EVERY_ALGORITHM
def test_every_value_of_a_description_is_checked(algorithm: type[Algorithm], tmp_path: Path) -> None:
    path = tmp_path / "agent.zip"
    make_tiny_agent(algorithm).save(path)
    description = unpack(path)[0]
    content = members(path)["tensors.pt"]
    taken = 0
    for way in places(description):
        # What all algorithms have in common is crossed for one.
        ignored = way[0] == "versions" or (algorithm is not agents.REINFORCE and way[-1] not in own_settings(algorithm))
        for value in [] if ignored else AWKWARD:
            redescribe(path, put(description, way, value), content)
            try:
                taken += loads_or_is_refused(path) is not None
            except Exception as error:
                good = look_up(description, way)
                raise AssertionError(f"{way}: {value!r} instead of {good!r}") from error
    assert taken > 20 or algorithm is not agents.REINFORCE, "sane values among the awkward ones are taken"


@pytest.mark.parametrize(
    "name", ["render_mode", "device", "wrappers", "vectorization_mode", "num_envs", "vector_kwargs"]
)
def test_a_file_chooses_nothing_but_the_world(path: Path, name: str) -> None:
    environment = {"env_id": "GlimpseDigits-v0", "arguments": {name: ["os.system"]}}
    forge(path, {"agent": unpack(path)[0]["agent"] | {"environment": environment}})
    with pytest.raises(InvalidAgentError, match=f"Unknown argument of an environment '{name}'"):
        agents.load(path)


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ({"num_glimpses": 10**9}, {}),
        ({"canvas_size": 16384}, {}),
        ({"canvas_size": 4096}, {"num_envs": 2**20}),
        ({"num_glimpses": 4096}, {"num_envs": 2**20}),
        ({"num_scales": 10**9}, {}),
        ({"glimpse_size": 10**6}, {}),
        ({"canvas_size": 40, "num_distractors": 10**9}, {}),
        ({"data_dir": "x\0y"}, {}),
        ({"reward_weight": 1e39}, {}),
    ],
)
def test_environments_beyond_all_memory_are_refused(path: Path, arguments: Any, settings: Any) -> None:
    agent = unpack(path)[0]["agent"]
    changes = {
        "environment": {"env_id": "GlimpseDigits-v0", "arguments": arguments},
        "settings": agent["settings"] | settings,
    }
    forge(path, {"agent": agent | changes})
    with pytest.raises(InvalidAgentError, match="expected"):
        agents.load(path)


def wrong_tensors(good: torch.Tensor) -> Iterator[Any]:
    """What must not be in the place of a tensor."""
    yield from (None, 1.0, "x", [good], {"part": good})
    yield good[None]
    yield torch.zeros(*good.shape, 2)
    yield good.flatten()[: good.numel() // 2] if good.ndim else torch.zeros(0)
    yield torch.zeros(1, dtype=good.dtype).expand(good.shape) if good.numel() > 1 else good.new_zeros(2)
    for dtype in (torch.float64, torch.int32, torch.bool, torch.complex64):
        yield good.to(dtype)
    if good.is_floating_point():
        for value in (float("nan"), float("inf"), -float("inf")):
            damaged = good.clone()
            damaged.view(-1)[-1:] = value
            yield damaged


def test_every_tensor_is_checked(path: Path) -> None:
    description, tensors = unpack(path)
    ways = [way for way in places(tensors) if isinstance(look_up(tensors, way), torch.Tensor) and way[0] != "metrics"]
    # The moments of all weights are checked in one way.
    ways = [way for way in ways if way[:2] != ("optimizer", "state") or way[2] in (0, 5)]
    assert len(ways) > 20
    for way in ways:
        for wrong in wrong_tensors(look_up(tensors, way)):
            rewrite(path, description, put(tensors, way, wrong))
            assert loads_or_is_refused(path) is None, f"{way}: {wrong}"


def test_every_part_of_the_tensors_is_needed_and_no_other_is_taken(path: Path) -> None:
    description, tensors = unpack(path)
    for way in places(tensors):
        if "param_groups" in way or way[0] == "metrics" or (way[:2] == ("optimizer", "state") and 5 not in way):
            continue
        above = look_up(tensors, way[:-1])
        if not isinstance(above, dict):
            continue
        fewer = {key: part for key, part in above.items() if key != way[-1]}
        optional = way == ("optimizer",) or (way[:2] == ("optimizer", "state") and len(way) == 3)
        rewrite(path, description, put(tensors, way[:-1], fewer))
        assert (loads_or_is_refused(path) is not None) == optional, way
        rewrite(path, description, put(tensors, way[:-1], above | {"another": torch.zeros(1)}))
        assert loads_or_is_refused(path) is None, way


@pytest.mark.parametrize(("moment", "value"), [("step", 0.0), ("step", -1.0), ("step", 1.5), ("exp_avg_sq", -1.0)])
def test_moments_that_adam_cannot_have_are_refused(path: Path, moment: str, value: float) -> None:
    description, tensors = unpack(path)
    way = ("optimizer", "state", 0, moment)
    rewrite(path, description, put(tensors, way, torch.full_like(look_up(tensors, way), value)))
    assert loads_or_is_refused(path) is None


def test_the_settings_of_adam_are_not_those_of_the_file(path: Path) -> None:
    good = agents.load(path, device="cpu")
    description, tensors = unpack(path)
    (group,) = tensors["optimizer"]["param_groups"]
    wrong = {"maximize": True, "lr": float("nan"), "weight_decay": 1e30, "betas": (2.0, "x"), "amsgrad": True, "x": 1}
    groups: list[Any] = [[group | {name: value}] for name, value in wrong.items()]
    for changed in [*groups, [group, group], [], None, "x"]:
        rewrite(path, description, put(tensors, ("optimizer", "param_groups"), changed))
        loaded = agents.load(path, device="cpu")
        assert loaded.optimizer.state_dict()["param_groups"] == good.optimizer.state_dict()["param_groups"]
    for agent in (good, loaded):
        agent.learn(ITERATION, reset_num_timesteps=False)
    assert_same_weights(training_state(loaded), training_state(good))


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=ALGORITHMS)
def test_agents_of_every_algorithm_and_of_every_network_are_still_loaded(
    algorithm: type[Algorithm], tmp_path: Path
) -> None:
    networks: dict[str, Any] = {"glimpse_network": "convolutional", "location_size": 4, "baseline_size": 4}
    agent: Any = algorithm("GlimpseDigits-v0", policy_kwargs=networks, num_envs=4, seed=0, device="cpu").learn(
        ITERATION
    )
    agent.save(tmp_path / "agent")
    assert_same_weights(training_state(agents.load(tmp_path / "agent", device="cpu")), training_state(agent))
