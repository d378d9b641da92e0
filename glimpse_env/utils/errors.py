"""Errors that say what was expected and what came, and suggest the nearest known name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

_LONGEST = 200


def shown(value: Any) -> str:
    """How an error message shows a value: its `repr` on one line, cut after 200 characters.

    Example:
        >>> shown([1, "two"])
        "[1, 'two']"
        >>> len(shown("a" * 1000))
        203
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # such as Python's own refusal to print an integer of more than 4,300 digits
        text = f"an object of type {type(value).__name__}, which has no repr"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def unknown_name_error(kind: str, name: Any, known: Iterable[str]) -> ValueError:
    """Makes the error for a name that is not among the known ones; the caller raises it.

    Args:
        kind: What the name is for, such as `"data set"` or `"reward"`.
        name: The unknown name.
        known: The known names.

    Returns:
        An error that lists the known names, and first suggests the one that is similar to `name`, ignoring case.

    Example:
        >>> unknown_name_error("data set", "MNITS", ["digits", "mnist"])
        ValueError("Unknown data set 'MNITS'. Did you mean 'mnist'? Known: 'digits', 'mnist'.")
        >>> unknown_name_error("split", "validation", ["train", "test"])
        ValueError("Unknown split 'validation'. Known: 'train', 'test'.")
    """
    return ValueError(f"Unknown {kind} {shown(name)}.{_suggestion(name, list(known))}")


def unexpected_argument_error(function: str, name: str, known: Iterable[str]) -> TypeError:
    """Makes the error for an argument that a function does not have; the caller raises it.

    It begins as Python's own does: other libraries try arguments of environments, and go on without those that they
    read `unexpected keyword argument` about.

    Args:
        function: The function that was called.
        name: The argument that it does not have.
        known: The arguments that it has.

    Example:
        >>> unexpected_argument_error("make_env", "num_glimpse", ["num_glimpses", "split"])  # doctest: +ELLIPSIS
        TypeError("make_env() got an unexpected keyword argument 'num_glimpse'. Did you mean 'num_glimpses'? Known: ...
    """
    return TypeError(f"{function}() got an unexpected keyword argument {name!r}.{_suggestion(name, list(known))}")


def _suggestion(name: Any, known: list[str]) -> str:
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    nearest = get_close_matches(shown(name).strip("'\"").lower(), by_lower_case, n=1)
    suggestion = f" Did you mean {by_lower_case[nearest[0]]!r}?" if nearest else ""
    return f"{suggestion} Known: {', '.join(repr(candidate) for candidate in known)}."
