"""Callbacks of Stable-Baselines3, in all the forms that `learn` takes."""

from __future__ import annotations

from typing import Any

from stable_baselines3.common.callbacks import BaseCallback, CallbackList, ConvertCallback


def read_callback(callback: Any, agent: Any) -> BaseCallback:
    """Makes one callback of one, a list of them, a function, or None, and makes it known to the agent."""
    if callback is None:
        callback = []
    if isinstance(callback, list):
        callback = CallbackList(list(callback))
    elif not isinstance(callback, BaseCallback):
        callback = ConvertCallback(callback)
    callback.init_callback(agent)
    read: BaseCallback = callback
    return read
