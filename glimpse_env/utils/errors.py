"""Errors for names that nobody knows, with the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name_error(kind: str, name: str, known: Iterable[str]) -> ValueError:
    """Makes the error for a name that is not among the known ones; the caller raises it.

    Args:
        kind: What the name stands for, as it reads in a sentence: `"data set"`, `"reward"`.
        name: The name that came.
        known: The names that would have been accepted.

    Returns:
        An error that lists the known names, after the one that resembles `name` (in any case) if one does.

    Example:
        >>> unknown_name_error("data set", "MNITS", ["digits", "mnist"])
        ValueError("Unknown data set 'MNITS'. Did you mean 'mnist'? Known: 'digits', 'mnist'.")
        >>> unknown_name_error("split", "validation", ["train", "test"])
        ValueError("Unknown split 'validation'. Known: 'train', 'test'.")
    """
    known = list(known)
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    nearest = get_close_matches(str(name).lower(), by_lower_case, n=1)
    suggestion = f" Did you mean {by_lower_case[nearest[0]]!r}?" if nearest else ""
    listing = ", ".join(repr(candidate) for candidate in known)
    return ValueError(f"Unknown {kind} {name!r}.{suggestion} Known: {listing}.")
