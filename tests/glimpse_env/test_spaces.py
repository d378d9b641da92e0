"""The spaces, the action codec, and reading actions: what is refused, what is clipped, that nothing is modified."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import Tensor

from glimpse_env.retina import Retina
from glimpse_env.spaces import (
    MAX_LOGIT,
    action_space,
    belief_of,
    num_classes_of,
    observation_space,
    pack_action,
    read_action,
    unpack_action,
)

CPU = torch.device("cpu")
ACTION = [0.5, -0.25, 1.0, -3.0, 20.0]
FLOATS: list[Any] = [
    np.float16,
    np.float32,
    np.float64,
    np.longdouble,
    np.dtype(">f4"),
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
]


def make(values: Any, dtype: Any) -> Any:
    return torch.tensor(values, dtype=dtype) if isinstance(dtype, torch.dtype) else np.array(values, dtype=dtype)


def read(action: Any, shape: tuple[int, ...] = (5,)) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batch = read_action(action, shape, CPU)
        assert batch.shape == (shape[0] if len(shape) == 2 else 1, shape[-1])
        return batch.view(shape)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_floats_of_every_size_become_float32(dtype: Any) -> None:
    tensor = read(make(ACTION, dtype))
    assert tensor.dtype == torch.float32
    assert tensor.tolist() == ACTION


@pytest.mark.parametrize("action", [ACTION, tuple(ACTION), [np.float32(number) for number in ACTION]])
def test_sequences_are_read(action: Any) -> None:
    assert read(action).tolist() == ACTION


def test_nested_sequences_are_read() -> None:
    assert read([ACTION, ACTION], (2, 5)).tolist() == [ACTION, ACTION]
    assert read([np.array(ACTION)] * 3, (3, 5)).shape == (3, 5)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_layouts_of_every_kind_are_read(library: str) -> None:
    square = np.arange(25, dtype=np.float32).reshape(5, 5) / 25
    array = square if library == "numpy" else torch.from_numpy(square)
    assert np.array_equal(read(array.T, (5, 5)).numpy(), square.T)
    assert np.array_equal(read(array[:, 2]).numpy(), square[:, 2])
    assert np.array_equal(read(square[::-1], (5, 5)).numpy(), square[::-1])


def test_a_tensor_that_needs_gradients_is_read_without_them() -> None:
    assert not read(torch.tensor(ACTION, requires_grad=True)).requires_grad


@pytest.mark.parametrize("dtype", [np.float32, np.float64, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(5))
def test_numbers_that_are_not_finite_are_refused(place: int, bad: float, dtype: Any) -> None:
    values = np.array(ACTION)
    values[place] = bad
    with pytest.raises(ValueError, match=r"expected finite numbers.*(nan|inf)"):
        read(make(values.tolist(), dtype))


@pytest.mark.parametrize("library", [np.zeros, torch.zeros])
@pytest.mark.parametrize("shape", [(), (0,), (4,), (6,), (1, 5), (5, 1), (2, 5)])
def test_another_shape_is_refused_and_both_are_named(shape: tuple[int, ...], library: Any) -> None:
    with pytest.raises(ValueError, match="expected an action of shape") as caught:
        read(library(shape))
    assert str(caught.value).endswith(f"(5,), got {shape}")


@pytest.mark.parametrize("shape", [(5,), (2, 4), (3, 5), (10,)])
def test_a_batch_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected an action of shape \(2, 5\), got"):
        read(np.zeros(shape), (2, 5))


@pytest.mark.parametrize(
    ("action", "dtype"),
    [
        (np.zeros(5, np.int64), "int64"),
        (np.zeros(5, np.uint8), "uint8"),
        (np.zeros(5, bool), "bool"),
        (np.zeros(5, np.complex64), "complex64"),
        (np.array(ACTION, dtype=object), "object"),
        (np.array(["0.5"] * 5), "<U3"),
        ([0, 0, 0, 0, 0], "int64"),
        ([True] * 5, "bool"),
        ([None] * 5, "object"),
        (None, "object"),
        ("up", "<U2"),
        (3, "int64"),
        ({"location": (0.0, 0.0)}, "object"),
        (torch.zeros(5, dtype=torch.int64), "torch.int64"),
        (torch.zeros(5, dtype=torch.bool), "torch.bool"),
        (torch.zeros(5, dtype=torch.complex64), "torch.complex64"),
    ],
    ids=str,
)
def test_what_is_not_floating_point_is_refused_and_named(action: Any, dtype: str) -> None:
    with pytest.raises(TypeError, match="expected an action of floating-point numbers, got dtype") as caught:
        read(action)
    assert str(caught.value).endswith(dtype)


def test_a_ragged_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        read([[0.0] * 5, [0.0] * 4], (2, 5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, torch.float32, torch.float64], ids=str)
def test_numbers_beyond_their_range_are_clipped_to_it(dtype: Any) -> None:
    tensor = read(make([-7.0, 1.0001, -20.5, 1e30, -1e30], dtype))
    assert tensor.tolist() == [-1, 1, -MAX_LOGIT, MAX_LOGIT, -MAX_LOGIT]


@pytest.mark.parametrize("dtype", [np.float64, torch.float64], ids=str)
def test_finite_numbers_beyond_float32_are_clipped_without_a_warning(dtype: Any) -> None:
    tensor = read(make([1e300, -1e300, 1e300, -1e300, 0.0], dtype))
    assert tensor.tolist() == [1, -1, MAX_LOGIT, -MAX_LOGIT, 0]


@settings(deadline=None, max_examples=100)
@given(
    values=st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=10, max_size=10),
    library=st.sampled_from([np.float32, np.float64, torch.float32]),
)
def test_whatever_is_read_lies_in_the_action_space(values: list[float], library: Any) -> None:
    space = action_space(3)
    tensor = read(make(np.reshape(values, (2, 5)).tolist(), library), (2, 5))
    expected = np.clip(np.reshape(values, (2, 5)), space.low, space.high)
    np.testing.assert_array_equal(tensor.numpy(), expected.astype(np.float32))
    assert all(space.contains(row) for row in tensor.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, torch.float32, torch.float64], ids=str)
def test_the_action_is_copied_and_stays_as_it_is(dtype: Any) -> None:
    values = [3.0, -0.5, 99.0, 1.0, -99.0]
    action = make(values, dtype)
    tensor = read(action)
    assert action.tolist() == values
    tensor.zero_()
    assert action.tolist() == values


def test_a_read_only_array_is_read() -> None:
    action = np.array(ACTION, np.float32)
    action.setflags(write=False)
    assert read(action).tolist() == ACTION


def test_the_action_space_is_a_location_and_a_logit_for_each_class() -> None:
    space = action_space(3)
    assert space == spaces.Box(np.float32([-1, -1, -20, -20, -20]), np.float32([1, 1, 20, 20, 20]), dtype=np.float32)


def test_the_observation_space_is_a_glimpse_and_a_location() -> None:
    space = observation_space(channels=3, retina=Retina(8, 2))
    assert dict(space.spaces) == {
        "glimpse": spaces.Box(0, 1, (6, 8, 8), np.float32),
        "location": spaces.Box(-1, 1, (2,), np.float32),
    }


@pytest.mark.parametrize("num_classes", [1, 2, 10, 100])
def test_the_action_space_tells_the_number_of_classes(num_classes: int) -> None:
    assert num_classes_of(action_space(num_classes)) == num_classes


@pytest.mark.parametrize(
    "space", [spaces.MultiDiscrete([9, 10]), spaces.Discrete(3), spaces.Box(-1, 1, (2,)), spaces.Box(-1, 1, (2, 12))]
)
def test_other_spaces_tell_no_number_of_classes(space: spaces.Space[Any]) -> None:
    with pytest.raises(ValueError, match="expected the action space of a glimpse environment"):
        num_classes_of(space)


floats = st.floats(-25, 25, width=32)


@settings(deadline=None, max_examples=60)
@given(st.data(), array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), st.integers(1, 12))
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_packing_and_unpacking_are_inverse(
    library: str, data: st.DataObject, batch: tuple[int, ...], num_classes: int
) -> None:
    location = data.draw(arrays(np.float32, (*batch, 2), elements=floats))
    logits = data.draw(arrays(np.float32, (*batch, num_classes), elements=floats))
    parts: Any = (location, logits) if library == "numpy" else (torch.from_numpy(location), torch.from_numpy(logits))
    action = pack_action(*parts)
    assert type(action) is type(parts[0])
    assert tuple(action.shape) == (*batch, 2 + num_classes)
    unpacked = unpack_action(action)
    np.testing.assert_array_equal(unpacked.location, location)
    np.testing.assert_array_equal(unpacked.logits, logits)
    np.testing.assert_array_equal(pack_action(*unpacked), action)


def test_the_parts_of_an_action_share_its_memory() -> None:
    action = np.zeros((3, 5), np.float32)
    unpack_action(action).logits[...] = 1
    assert action.tolist() == [[0, 0, 1, 1, 1]] * 3


def test_gradients_flow_through_the_codec() -> None:
    location, logits = torch.zeros(4, 2, requires_grad=True), torch.zeros(4, 3, requires_grad=True)
    unpack_action(pack_action(location, logits)).logits.sum().backward()
    assert logits.grad is not None
    assert logits.grad.tolist() == [[1.0] * 3] * 4
    assert location.grad is not None
    assert not location.grad.any()


@settings(deadline=None, max_examples=60)
@given(arrays(np.float32, (4, 3), elements=st.floats(-1000, 1000, width=32)))
def test_a_belief_is_the_softmax_of_clipped_logits(values: Any) -> None:
    belief = belief_of(torch.from_numpy(values))
    weights = np.exp(values.astype(np.float64).clip(-MAX_LOGIT, MAX_LOGIT))
    np.testing.assert_allclose(belief.numpy(), weights / weights.sum(1, keepdims=True), rtol=1e-5)
