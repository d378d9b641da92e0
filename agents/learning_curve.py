"""The learning curve: the error and the return in training, as a figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from glimpse_env.rendering.colours import VERMILLION
from glimpse_env.rendering.style import StyledFigure, matplotlib_settings

BLUE = "#0072b2"
MIN_ERROR = 1e-4
"""The least error that the logarithmic axis shows."""


@matplotlib_settings()
def draw_learning_curve(log: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Draws the error and the return over the images seen, both with locations drawn at random around their mean.

    Args:
        log: The columns of a log, as `RunFolder.read_log` returns them.
    """
    images = log["time/total_timesteps"] / log["rollout/ep_len_mean"]
    figure = StyledFigure(figsize=(8, 6), layout="constrained")
    error_axes, return_axes = figure.subplots(2, sharex=True)
    error_axes.plot(images, (1 - log["rollout/success_rate"]).clip(min=MIN_ERROR), color=BLUE)
    error_axes.set(yscale="log", ylabel="error", title="Learning curve, with the noise of training")
    error_axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    error_axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 * error:g}%"))
    error_axes.yaxis.set_minor_formatter(NullFormatter())
    return_axes.plot(images, log["rollout/ep_rew_mean"], color=VERMILLION)
    return_axes.set(ylabel="return", xlabel="images")
    return_axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    for axes in (error_axes, return_axes):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
