"""The world's arguments: what is impossible is refused, with what was expected and what came."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
import torch

from glimpse_env.config import WorldConfig, check_render_mode, read_options

SIZES = {"num_glimpses": 1, "glimpse_size": 1, "num_scales": 1, "canvas_size": 1, "num_distractors": 0}
LOCATION = "expected initial_location to be None or two numbers (x, y) in [-1, 1]"


def refuses(error: type[Exception], message: str, **arguments: Any) -> None:
    with pytest.raises(error, match=re.escape(message)):
        WorldConfig(**arguments)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("value", [1.0, "8", True, False, [8], (8, 8), np.float32(8), np.array([8]), np.bool_(True)])
def test_a_size_that_is_no_integer_is_refused(name: str, value: Any) -> None:
    refuses(TypeError, f"expected {name} to be an integer, got {value!r}", **{name: value})


@pytest.mark.parametrize("name", [name for name in SIZES if name != "canvas_size"])
def test_a_size_must_be_given(name: str) -> None:
    refuses(TypeError, f"expected {name} to be an integer, got None", **{name: None})


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("below", [1, 2, 1000])
def test_a_size_that_is_too_small_is_refused(name: str, below: int) -> None:
    lowest = SIZES[name]
    message = f"expected {name} to be at least {lowest}, got {lowest - below}"
    refuses(ValueError, message, **{name: lowest - below})


@pytest.mark.parametrize("num_scales", [9, 64])
def test_more_than_8_scales_are_refused(num_scales: int) -> None:
    refuses(ValueError, f"expected num_scales to be at most 8, got {num_scales}", num_scales=num_scales)
    assert WorldConfig(num_scales=8).num_scales == 8


def test_distractors_need_a_canvas() -> None:
    refuses(ValueError, "expected a canvas_size to place 4 distractors on, got None", num_distractors=4)
    assert WorldConfig(num_distractors=4, canvas_size=60).num_distractors == 4


@pytest.mark.parametrize("name", SIZES)
def test_the_smallest_sizes_and_numpys_integers_are_accepted(name: str) -> None:
    for value in (SIZES[name], np.int64(3), np.uint8(3)):
        config = WorldConfig(**{"canvas_size": 60, name: value})
        assert getattr(config, name) == value


@pytest.mark.parametrize(
    "value",
    [0.5, "centre", "xy", (0.0,), (0.0, 0.0, 0.0), (), ("0", "0"), (0.0, None), (1j, 0.0), {"x": 0.0}, [[0.0, 0.0]]],
    ids=str,
)
def test_an_initial_location_that_is_not_two_numbers_is_refused(value: Any) -> None:
    refuses(TypeError, f"{LOCATION}, got {value!r}", initial_location=value)


@pytest.mark.parametrize("bad", [1.0001, -1.0001, 28, float("nan"), float("inf"), float("-inf")])
def test_an_initial_location_beyond_the_canvas_is_refused(bad: float) -> None:
    for value in ((bad, 0.0), (0.0, bad)):
        refuses(ValueError, f"{LOCATION}, got {value!r}", initial_location=value)


@pytest.mark.parametrize(
    "value", [(1, -1), [1.0, -1.0], np.array([1.0, -1.0], np.float32), np.array([1, -1])], ids=repr
)
def test_an_initial_location_becomes_two_floats(value: Any) -> None:
    location = WorldConfig(initial_location=value).initial_location
    assert location == (1.0, -1.0)
    assert [type(number) for number in location] == [float, float]


def test_configs_of_the_same_arguments_are_equal_and_hash_alike() -> None:
    one = WorldConfig(initial_location=(0.0, 1.0), num_scales=2)
    other = WorldConfig(initial_location=[0, 1], num_scales=np.int64(2))  # type: ignore[arg-type]
    assert one == other
    assert hash(one) == hash(other)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        WorldConfig().num_scales = 3  # type: ignore[misc]


def test_render_modes() -> None:
    for mode in (None, "human", "rgb_array"):
        check_render_mode(mode, ["human", "rgb_array"])
    with pytest.raises(ValueError, match=r"Unknown render_mode 'rgb-array'\. Did you mean 'rgb_array'\?"):
        check_render_mode("rgb-array", ["human", "rgb_array"])
    with pytest.raises(ValueError, match="Unknown render_mode 'human'"):
        check_render_mode("human", ["rgb_array"])


@pytest.mark.parametrize("options", [None, {}, {"index": None}, {"episode": None}])
def test_no_options_ask_for_nothing(options: dict[str, Any] | None) -> None:
    assert read_options(options) == {"index": None, "episode": None}


@pytest.mark.parametrize("index", [0, np.arange(3), torch.arange(3)], ids=repr)
def test_the_option_index_is_handed_on_as_it_is(index: Any) -> None:
    asked = read_options({"index": index})
    assert asked["index"] is index
    assert asked["episode"] is None


@pytest.mark.parametrize("episode", [0, 7, np.int64(10**12)])
def test_the_option_episode_is_a_number_from_0_on(episode: Any) -> None:
    assert read_options({"episode": episode}) == {"index": None, "episode": episode}
    assert read_options({"index": 3, "episode": episode}) == {"index": 3, "episode": episode}


@pytest.mark.parametrize("episode", [1.0, "1", True, np.array([1]), [1]], ids=repr)
def test_an_option_episode_that_is_no_integer_is_refused(episode: Any) -> None:
    with pytest.raises(TypeError, match=re.escape(f"expected episode to be an integer, got {episode!r}")):
        read_options({"episode": episode})


def test_an_option_episode_below_0_is_refused() -> None:
    with pytest.raises(ValueError, match="expected episode to be at least 0, got -1"):
        read_options({"episode": -1})


@pytest.mark.parametrize(("name", "nearest"), [("indexes", "index"), ("Index", "index"), ("episodes", "episode")])
def test_an_unknown_option_suggests_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"Unknown reset option '{name}'. Did you mean '{nearest}'\\?"):
        read_options({"index": 0, name: 0})


@pytest.mark.parametrize(("name", "value"), [("dataset", ["digits"]), ("split", None), ("data_dir", 3)])
def test_names_and_folders_of_the_wrong_type_are_refused(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"expected {name} to be a"):
        WorldConfig(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", [{"glimpse_size": 2000, "num_scales": 8}, {"canvas_size": 10**6}])
def test_sizes_beyond_all_memory_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at most 4096"):
        WorldConfig(**sizes)  # type: ignore[arg-type]
