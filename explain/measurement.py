"""Recording an agent, fitting a VAE on its hidden states, and measuring how well that reconstructs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from explain.reconstruction.errors import reconstruction_error
from explain.reconstruction.fitting import FitSettings, fit_vae
from explain.reconstruction.vae import HiddenStateVAE, VAESettings, target_images, targets_of
from explain.recording import Recording, record
from glimpse_env.dataset_rollout import Agent, world_of
from glimpse_env.utils.threads import torch_threads


@dataclass(frozen=True, eq=False)
class Measurement:
    """What an agent did on two splits, and a VAE of its hidden states.

    Attributes:
        train: The agent on the training split.
        test: The agent on the test split, `N` images and `T` glimpses.
        vae: Fitted on the hidden states of `train`.
        reconstruction_error: Mean squared error per pixel of the VAE on `test`, `(N, T)`, for pixels in [0, 1].
    """

    train: Recording
    test: Recording
    vae: HiddenStateVAE
    reconstruction_error: Tensor


def measure(
    agent: Agent,
    train_env: VectorEnv[Any, Any, Any],
    test_env: VectorEnv[Any, Any, Any],
    settings: VAESettings | None = None,
    fit_settings: FitSettings | None = None,
    *,
    num_train: int | None = None,
    num_test: int | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: bool = False,
) -> Measurement:
    """Records an agent, fits a VAE on the training split, and measures its error on the test split.

    Args:
        agent: Any agent whose `predict` returns a state.
        train_env: A native vector environment on the training split.
        test_env: One on the test split.
        settings: What the VAE reconstructs.
        fit_settings: How it is fitted, and with how many threads all is computed.
        num_train: Images of the training split; all, if there are fewer or by default.
        num_test: Images of the test split; all, if there are fewer or by default.
        seed: Determines the first locations.
        device: Where everything but the agent is.
        progress: Show progress bars.

    Raises:
        ValueError: An environment is not a native vector environment, the agent has no state, or the settings ask for
            coverage of originals that are not the canvases.
    """
    settings, how = settings or VAESettings(), fit_settings or FitSettings()
    train, test = (
        record(
            agent,
            env,
            at_most(count, env),
            seed=seed,
            device=device,
            num_threads=how.num_threads,
            progress=progress,
        )
        for env, count in ((train_env, num_train), (test_env, num_test))
    )
    images, coverage = targets_of(train, settings)
    vae = fit_vae(train.hidden, images, settings, how, coverage, progress=progress).vae
    with torch_threads(how.num_threads):
        error = reconstruction_error(vae, test.hidden, target_images(test, settings))
    return Measurement(train, test, vae, error)


def at_most(count: int | None, env: VectorEnv[Any, Any, Any]) -> int:
    """So many images, or all of the split of an environment if there are fewer, or if `count` is None."""
    size = len(world_of(env).dataset.images)
    return size if count is None else min(count, size)
