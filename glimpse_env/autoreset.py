"""Autoreset modes: when sub-environments are reset after the end of their episodes."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import AutoresetMode, VectorWrapper

from glimpse_env.utils.errors import unknown_name_error


def read_autoreset_mode(mode: Any) -> AutoresetMode:
    """Returns an autoreset mode by its name, `"same_step"`, `"next_step"` or `"disabled"`.

    Raises:
        ValueError: It is neither a name nor one of Gymnasium's `AutoresetMode`.
    """
    if isinstance(mode, AutoresetMode):
        return mode
    by_name = {one.name.lower(): one for one in AutoresetMode}
    if not isinstance(mode, str) or mode not in by_name:
        raise unknown_name_error("autoreset_mode", mode, by_name)
    return by_name[mode]


class GlimpseVectorWrapper(VectorWrapper):
    """A vector wrapper with an attribute `autoreset_mode`, as vector environments have it.

    Gymnasium's own wrappers pass it on in their metadata only.
    """

    @property
    def autoreset_mode(self) -> AutoresetMode:
        """When sub-environments are reset after the end of their episodes."""
        mode: AutoresetMode = self.metadata["autoreset_mode"]
        return mode
