"""Torch's default dtype and device, which belong to the user, change nothing in an explanation."""

import dataclasses
import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explain.explanation import Explanation
from tests.explain.test_explanation import explain_tiny, make_agent
from tests.torch_defaults import OTHER_DEFAULTS, torch_defaults


def tensors_of(part: Any, name: str) -> dict[str, Tensor]:
    """All tensors in an explanation, with those of its VAEs, by where they are."""
    if isinstance(part, Tensor):
        return {name: part}
    inside: dict[str, Any] = {}
    if dataclasses.is_dataclass(part):
        inside = {field.name: getattr(part, field.name) for field in dataclasses.fields(part)}
    elif isinstance(part, nn.Module):
        inside = dict(part.state_dict())
    elif isinstance(part, dict):
        inside = part
    return {
        where: found for key, value in inside.items() for where, found in tensors_of(value, f"{name}.{key}").items()
    }


def explained() -> Explanation:
    return explain_tiny(make_agent(core="lstm"), num_train=20, num_eig=2, policy_images=3)


@pytest.fixture(scope="module")
def expected() -> Explanation:
    return explained()


@OTHER_DEFAULTS
def test_explanations_are_the_same_whatever_the_defaults_of_torch(
    expected: Explanation, others: dict[str, str]
) -> None:
    with torch_defaults(**others):
        got = explained()
    assert json.dumps(got.to_json()) == json.dumps(expected.to_json())
    one, other = tensors_of(expected, "explanation"), tensors_of(got, "explanation")
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(other[name], one[name], rtol=0, atol=0, equal_nan=True, msg=name)
