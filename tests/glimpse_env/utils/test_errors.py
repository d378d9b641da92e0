"""Unknown names: the error lists what is known, and suggests what was probably meant."""

from __future__ import annotations

import pytest

from glimpse_env.utils.errors import unknown_name_error


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
    assert "Unknown split None." in str(unknown_name_error("split", None, ["train", "test"]))  # type: ignore[arg-type]
