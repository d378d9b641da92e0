"""Tensors are read as they were written, if they are as expected; nothing of another pickle is called or imported."""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from typing import Any

import pytest
import torch

from glimpse_env.utils.stored_tensors import (
    Each,
    Ignored,
    Maybe,
    Part,
    TensorSpec,
    max_bytes,
    read_tensors,
    write_tensors,
)

FLOATS = TensorSpec((None,), (torch.float32,))


def saved(value: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.uint8, torch.int64, torch.bool]
)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (2, 0, 3), (2, 3, 4, 5)])
def test_tensors_come_back_as_they_went_in(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = (torch.arange(math.prod(shape)) % 2).reshape(shape).to(dtype)
    (read,) = read_tensors(saved({"x": tensor}), {"x": TensorSpec.like(tensor)}).values()
    assert read.dtype == dtype
    assert read.shape == shape
    assert torch.equal(read, tensor)


def test_what_would_not_be_read_is_not_written() -> None:
    tensor = torch.zeros(0)
    with pytest.raises(ValueError, match=r"expected tensors whose archive/data.pkl has at most 1048576 bytes, got \d+"):
        write_tensors({"x" * 2**20: tensor})
    expected = {"x" * 2**19: TensorSpec.like(tensor)}
    assert list(read_tensors(write_tensors(dict.fromkeys(expected, tensor)), expected)) == list(expected)


def test_order_of_dimensions_is_kept() -> None:
    tensor = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)
    (read,) = read_tensors(saved({"x": tensor}), {"x": TensorSpec.like(tensor)}).values()
    assert torch.equal(read, tensor)


def test_state_dicts_of_modules_and_numbers_as_names_are_read() -> None:
    layer = torch.nn.Linear(2, 3)
    content = saved({"layer": layer.state_dict(), "state": {0: torch.ones(1), 300: torch.ones(2)}})
    weights: Part = {name: TensorSpec.like(weight) for name, weight in layer.state_dict().items()}
    read = read_tensors(content, {"layer": weights, "state": {0: FLOATS, 300: FLOATS}})
    assert list(read["state"]) == [0, 300]
    torch.testing.assert_close(read["layer"], dict(layer.state_dict()))


def test_a_part_may_be_missing_or_ignored() -> None:
    expected: Part = {"x": FLOATS, "y": Maybe(FLOATS), "z": Maybe(Ignored())}
    assert set(read_tensors(saved({"x": torch.ones(1)}), expected)) == {"x"}
    read = read_tensors(saved({"x": torch.ones(1), "y": torch.ones(2), "z": [1, {"a": None}]}), expected)
    assert read["z"] is None
    assert read["y"].shape == (2,)


@pytest.mark.parametrize(
    ("value", "expected", "message"),
    [
        ({"x": torch.ones(2)}, {"y": FLOATS}, "it lacks 'y'"),
        ({"x": torch.ones(2), "y": torch.ones(1)}, {"x": FLOATS}, "expected no 'y' in it"),
        ({"x": {"y": torch.ones(1, 1)}}, {"x": {"y": FLOATS}}, r"expected x\.y of torch\.float32 and shape \(any\)"),
        ({"x": torch.ones(3)}, {"x": TensorSpec((range(3),), (torch.float32,))}, r"shape \(at most 2\)"),
        ({"x": torch.ones(2).double()}, {"x": FLOATS}, "got torch.float64"),
        ({"x": torch.tensor([1.0, math.nan])}, {"x": FLOATS}, "expected x to be finite"),
        ({"x": torch.ones(1).expand(9)}, {"x": FLOATS}, "expected x to have 9 numbers of its own"),
        ({"x": torch.ones(9)[:2]}, {"x": FLOATS}, "expected x to have 2 numbers of its own"),
        ({"x": torch.ones(9)[2:]}, {"x": FLOATS}, "expected tensors that torch.save wrote"),
        ({"x": [torch.ones(2)]}, {"x": FLOATS}, "expected x to be a tensor, got a list"),
        ({"x": torch.ones(2)}, {"x": {"y": FLOATS}}, "expected x in a dict, got a StoredTensor"),
        ([torch.ones(2)], {"x": FLOATS}, "expected all tensors in a dict, got a list"),
        ({"x": {"a b": torch.ones(2)}}, {"x": Each(FLOATS, 3)}, "expected at most 3 identifiers in x"),
        ({"x": {c: torch.ones(2) for c in "abcd"}}, {"x": Each(FLOATS, 3)}, "expected at most 3 identifiers in x"),
        ({"x": torch.nn.Parameter(torch.ones(2))}, {"x": FLOATS}, "got another pickle"),
        ({"x": torch.nn.Linear(1, 1)}, {"x": FLOATS}, "got another pickle"),
        ({("x", "y"): torch.ones(2)}, {"x": FLOATS}, "got another pickle"),
    ],
)
def test_what_is_not_expected_is_refused(value: Any, expected: Part, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_tensors(saved(value), expected)


def test_two_tensors_may_not_share_their_numbers() -> None:
    tensor = torch.ones(2)
    with pytest.raises(ValueError, match="expected y to have 2 numbers of its own"):
        read_tensors(saved({"x": tensor, "y": tensor.view(2)}), {"x": FLOATS, "y": FLOATS})


@pytest.mark.parametrize("content", [b"", b"PK", pickle.dumps({"x": 1}), pickle.dumps(OrderedDict(x=1), 2)])
def test_what_is_no_file_of_torch_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="it is truncated, or no zip"):
        read_tensors(content, {"x": FLOATS})


def test_the_size_of_a_file_is_bounded_by_what_is_expected_of_it() -> None:
    parts: dict[str, Any] = {f"{number}": torch.ones(number) for number in range(100)}
    expected: Part = {name: TensorSpec.like(tensor) for name, tensor in parts.items()}
    assert sum(4 * number for number in range(100)) < len(saved(parts)) <= max_bytes(expected) < 2**21
    assert max_bytes({"x": FLOATS}) == math.inf
