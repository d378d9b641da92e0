"""Errors for unknown names, which suggest the nearest known one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name_error(kind: str, name: str, known: Iterable[str]) -> ValueError:
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
    known = list(known)
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    nearest = get_close_matches(str(name).lower(), by_lower_case, n=1)
    suggestion = f" Did you mean {by_lower_case[nearest[0]]!r}?" if nearest else ""
    listing = ", ".join(repr(candidate) for candidate in known)
    return ValueError(f"Unknown {kind} {name!r}.{suggestion} Known: {listing}.")
