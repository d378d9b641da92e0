"""Tensors that `torch.save` wrote, compared with what is expected before they are read.

`torch.load(..., weights_only=True)` executes no code of a file, but it believes the file's sizes: 20 bytes that call
`bytearray` or `torch.Tensor` with a number take gigabytes. So the pickle is read here as the table of contents that it
is, and the numbers only where type, shape and size are as expected.
"""

from __future__ import annotations

import io
import math
import pickletools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from glimpse_env.utils.errors import shown
from glimpse_env.utils.stored_zip import StoredZip

PICKLE = "archive/data.pkl"
DATA = "archive/data/"
BYTE_ORDER = "archive/byteorder"
MAX_PICKLE = 2**20
"""Bytes of the table of contents; that of an agent has 5,000 to 20,000."""
BYTES_PER_MEMBER = 1024
"""At least as much as a zip needs for a member besides its content, alignment and names included."""

_DTYPES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
}


@dataclass(frozen=True)
class TensorSpec:
    """What a tensor must be like.

    Attributes:
        shape: Its shape: lengths, ranges of lengths, and None for any length.
        dtypes: The types that it may have.
        finite: Whether its numbers must be finite.
    """

    shape: tuple[int | range | None, ...]
    dtypes: tuple[torch.dtype, ...]
    finite: bool = True

    @classmethod
    def like(cls, tensor: Tensor, or_half: bool = False) -> TensorSpec:
        """A tensor of the same shape and type, or also of half the precision."""
        halves = (torch.float16, torch.bfloat16) if or_half and tensor.is_floating_point() else ()
        return cls(tuple(tensor.shape), (tensor.dtype, *halves))

    @property
    def max_bytes(self) -> float:
        """The most bytes that such a tensor has; infinite where a length is free."""
        longest = (side[-1] if isinstance(side, range) else side for side in self.shape)
        count = math.prod(math.inf if side is None else side for side in longest)
        return count * max(dtype.itemsize for dtype in self.dtypes)

    def describe(self) -> str:
        """In words."""
        sides = (f"at most {side[-1]}" if isinstance(side, range) else side for side in self.shape)
        shape = ", ".join("any" if side is None else str(side) for side in sides)
        return f"of {' or '.join(map(str, self.dtypes))} and shape ({shape})"

    def fits(self, dtype: torch.dtype, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of that type and shape is like this."""
        same = len(shape) == len(self.shape) and all(
            has in wanted if isinstance(wanted, range) else wanted in (None, has)
            for wanted, has in zip(self.shape, shape, strict=True)
        )
        return same and dtype in self.dtypes


@dataclass(frozen=True)
class Maybe:
    """A part that may be missing."""

    part: Part


@dataclass(frozen=True)
class Each:
    """Parts that are alike, under identifiers as names.

    Attributes:
        part: What each is like.
        at_most: How many there may be.
    """

    part: Part
    at_most: int


@dataclass(frozen=True)
class Ignored:
    """A part that may be anything; it is not read."""


Part: TypeAlias = "TensorSpec | Maybe | Each | Ignored | Mapping[Any, Part]"
"""What is expected: a tensor, or parts by name."""


def max_bytes(part: Part) -> float:
    """The most bytes that `torch.save` writes for parts like these; infinite where a length is free."""

    def of(part: Part) -> float:
        if isinstance(part, TensorSpec):
            return part.max_bytes + BYTES_PER_MEMBER
        if isinstance(part, Maybe):
            return of(part.part)
        if isinstance(part, Each):
            return part.at_most * of(part.part)
        return 0 if isinstance(part, Ignored) else sum(map(of, part.values()))

    return of(part) + MAX_PICKLE


def write_tensors(tensors: dict[str, Any]) -> bytes:
    """Writes tensors with `torch.save`, as `read_tensors` reads them.

    Args:
        tensors: Tensors, in dicts and lists.

    Raises:
        ValueError: They are so many that `read_tensors` would refuse them.
    """
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    size = StoredZip.open(buffer).size(PICKLE)
    if size > MAX_PICKLE:
        raise ValueError(f"expected tensors whose {PICKLE} has at most {MAX_PICKLE} bytes, got {size}")
    return buffer.getvalue()


def read_tensors(content: bytes, expected: Part) -> Any:
    """Reads what `torch.save` wrote.

    Args:
        content: The file.
        expected: What must be in it.

    Returns:
        Tensors on the CPU, in dicts as `expected` has them.

    Raises:
        ValueError: Something else is in it, or a number is not finite.
    """
    archive = StoredZip.open(io.BytesIO(content))
    if PICKLE not in archive.places or archive.size(PICKLE) > MAX_PICKLE:
        raise ValueError(f"expected {PICKLE} of at most {MAX_PICKLE} bytes")
    if BYTE_ORDER in archive.places and archive.read(BYTE_ORDER) != sys.byteorder.encode():
        raise ValueError(f"expected {sys.byteorder}-endian numbers, as this machine has them")
    return _Reader(content, archive).read("", table_of_contents(archive.read(PICKLE)), expected)


class _Reader:
    """Reads the tensors of one file, each of which must have a member of its own."""

    def __init__(self, content: bytes, archive: StoredZip) -> None:
        self.content = np.frombuffer(content, np.uint8)
        self.unread = dict(archive.places)

    def read(self, name: str, found: Any, expected: Part) -> Any:
        """Reads the part of that name, if it is as expected."""
        if isinstance(expected, TensorSpec):
            return self.read_tensor(name, found, expected)
        if isinstance(expected, Maybe):
            return self.read(name, found, expected.part)
        if isinstance(expected, Ignored):
            return None
        if not isinstance(found, dict):
            raise ValueError(f"expected {name or 'all tensors'} in a dict, got a {type(found).__name__}")
        if isinstance(expected, Each):
            if len(found) > expected.at_most or not all(type(key) is str and key.isidentifier() for key in found):
                raise ValueError(f"expected at most {expected.at_most} identifiers in {name}, got {shown(list(found))}")
            expected = dict.fromkeys(found, expected.part)
        names = {key: f"{name}.{key}" if name else f"{key}" for key in [*expected, *found]}
        for key, part in expected.items():
            if key not in found and not isinstance(part, Maybe):
                raise ValueError(f"it lacks {names[key]!r}")
        for key in found:
            if key not in expected:
                raise ValueError(f"expected no {names[key]!r} in it")
        return {key: self.read(names[key], found[key], part) for key, part in expected.items() if key in found}

    def read_tensor(self, name: str, found: Any, expected: TensorSpec) -> Tensor:
        """Reads a tensor, if it is as expected."""
        if not isinstance(found, StoredTensor):
            raise ValueError(f"expected {name} to be a tensor, got a {type(found).__name__}")
        (key, dtype, length), shape, stride = found
        if not expected.fits(dtype, shape):
            raise ValueError(f"expected {name} {expected.describe()}, got {dtype} and shape {shape}")
        start, size = self.unread.pop(f"{DATA}{key}", (0, -1))
        last = sum((side - 1) * step for side, step in zip(shape, stride, strict=True)) if length else -1
        if not length == math.prod(shape) == last + 1 or size != length * dtype.itemsize:
            raise ValueError(f"expected {name} to have {math.prod(shape)} numbers of its own in {DATA}{key}")
        numbers = torch.empty(length, dtype=dtype, device="cpu")
        numbers.view(torch.uint8).numpy()[:] = self.content[start : start + size]
        finite = not (length and dtype.is_floating_point) or all(bound.isfinite() for bound in numbers.aminmax())
        if expected.finite and not finite:
            raise ValueError(f"expected {name} to be finite, got numbers that are infinite or NaN")
        return numbers.as_strided(shape, stride)


class _Storage(NamedTuple):
    """Where the numbers of a tensor are."""

    key: str
    dtype: torch.dtype
    length: int


class StoredTensor(NamedTuple):
    """A tensor that was not read yet."""

    storage: _Storage
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class _Name(NamedTuple):
    """A name that a pickle would import; here nothing is imported."""

    name: str


_MARK = object()
_VALUES = {"BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (), "MARK": _MARK}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def table_of_contents(pickled: bytes) -> Any:
    """What a pickle of `torch.save` describes: `StoredTensor`s, numbers and strings in dicts, lists and tuples.

    It knows the instructions that occur in such a pickle, about 25, and imports and calls nothing.

    Raises:
        ValueError: It is another pickle.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def pop_to_mark() -> list[Any]:
        values = []
        while (value := stack.pop()) is not _MARK:
            values.append(value)
        return values[::-1]

    try:
        opcode: Any
        argument: Any
        for opcode, argument, _ in pickletools.genops(pickled):
            name = opcode.name
            if name in _VALUES:
                stack.append(argument)
            elif name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            elif name in ("BINPUT", "LONG_BINPUT"):
                memo[argument] = stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                stack.append(memo[argument])
            elif name == "EMPTY_DICT":
                stack.append({})
            elif name == "EMPTY_LIST":
                stack.append([])
            elif name == "TUPLE":
                stack.append(tuple(pop_to_mark()))
            elif name in _TUPLES:
                stack[-_TUPLES[name] :] = [tuple(stack[-_TUPLES[name] :])]
            elif name in ("SETITEM", "SETITEMS"):
                pairs = pop_to_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
                _set_items(stack[-1], pairs)
            elif name in ("APPEND", "APPENDS"):
                values = pop_to_mark() if name == "APPENDS" else [stack.pop()]
                _check_type(stack[-1], list).extend(values)
            elif name == "GLOBAL":
                stack.append(_Name(argument))
            elif name == "BINPERSID":
                stack.append(_storage(*stack.pop()))
            elif name == "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                stack.append(_reduced(function, arguments))
            elif name == "BUILD":  # attributes of a state dict, which nobody needs
                stack.pop()
            elif name == "STOP":
                return stack.pop()
            elif name != "PROTO":
                raise ValueError(f"unexpected {name}")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError("expected tensors that torch.save wrote, in dicts and lists, got another pickle") from error


def _check_type(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"expected {kind}, got {type(value)}")
    return value


def _set_items(parts: Any, pairs: list[Any]) -> None:
    _check_type(parts, dict)
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        # Nothing else is hashed, since the hash of deeply nested tuples overflows the stack.
        parts[key if type(key) is int else _check_type(key, str)] = value


def _storage(kind: Any, storage_type: Any, key: Any, device: Any, length: Any) -> _Storage:
    module, _, name = _check_type(storage_type, _Name).name.partition(" ")
    if kind != "storage" or module != "torch":
        raise ValueError("no storage of torch")
    return _Storage(_check_type(key, str), _DTYPES[name], _check_type(length, int))


def _reduced(function: Any, arguments: Any) -> Any:
    """What two functions of torch's pickles return: an empty dict, or a tensor that was not read yet."""
    name = _check_type(function, _Name).name
    if name == "collections OrderedDict" and arguments == ():
        return {}
    if name != "torch._utils _rebuild_tensor_v2":
        raise ValueError(f"unexpected {name}")
    storage, offset, shape, stride = arguments[:4]
    sizes = [*_check_type(shape, tuple), *_check_type(stride, tuple)]
    if offset != 0 or len(shape) != len(stride) or not all(_check_type(size, int) >= 0 for size in sizes):
        raise ValueError("a part of another tensor")
    return StoredTensor(_check_type(storage, _Storage), shape, stride)
