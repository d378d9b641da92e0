"""Errors list what is known, suggest what was probably meant, and show any value on one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glimpse_env.utils.errors import shown, unexpected_argument_error, unknown_name_error


@pytest.mark.parametrize("name", ["mnits", "MNIST", "mnist "])
def test_suggests_the_nearest_name_in_any_case(name: str) -> None:
    assert "Did you mean 'mnist'?" in str(unknown_name_error("data set", name, ["digits", "mnist"]))


def test_suggests_nothing_when_no_name_is_near() -> None:
    message = str(unknown_name_error("split", "validation", ["train", "test"]))
    assert message == "Unknown split 'validation'. Known: 'train', 'test'."


def test_accepts_any_iterable_of_known_names() -> None:
    message = str(unknown_name_error("reward", "Hard", (name for name in ("hard", "entropy"))))
    assert message == "Unknown reward 'Hard'. Did you mean 'hard'? Known: 'hard', 'entropy'."


def test_quotes_what_is_not_a_string() -> None:
    assert "Unknown split None." in str(unknown_name_error("split", None, ["train", "test"]))


def test_an_unknown_argument_begins_as_pythons_own_error() -> None:
    def make(name: str) -> None: ...

    with pytest.raises(TypeError) as pythons:
        make(nam="x")  # type: ignore[call-arg]
    error = unexpected_argument_error(make.__qualname__, "nam", ["name"])
    assert isinstance(error, TypeError)
    assert str(error) == f"{str(pythons.value).split(' Did')[0].rstrip('.')}. Did you mean 'name'? Known: 'name'."


@pytest.mark.parametrize("value", [np.zeros((3, 3)), "two\nlines", 10**5000, "a" * 10**6, list(range(1000))], ids=type)
def test_any_value_is_shown_on_one_short_line(value: Any) -> None:
    assert "\n" not in shown(value)
    assert len(shown(value)) <= 203
    assert str(unknown_name_error("reward", value, ["hard"])).endswith("Known: 'hard'.")


def test_a_value_that_cannot_be_shown_is_named_by_its_type() -> None:
    assert shown(10**5000) == "an object of type int, which has no repr"
