"""Packages the agent of a run folder with its card and a small VAE, to come with the library.

python scripts/package.py runs/cluttered60 cluttered60
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from agents import RunFolder
from agents.pretrained.catalogue import FILES, VAE
from agents.pretrained.history import CARD
from agents.pretrained.packaging import package_agent
from explain import FitSettings, VAESettings, fit_vae, record
from explain.measurement import at_most
from explain.reconstruction.vae import target_images
from glimpse_env import DatasetError
from glimpse_env.utils.atomic import write_json
from glimpse_env.utils.program import one_line_errors

NUM_ENVS = 250
VAE_SETTINGS = VAESettings(target="original", layer_size=160)
"""A small VAE: all packaged agents together may have 12 MB."""


@dataclass(frozen=True)
class Arguments:
    """Packages a trained agent, measures what it does on the whole test split, and fits a VAE on its hidden states."""

    run: tyro.conf.Positional[Path]
    """The run folder of the training."""
    name: tyro.conf.Positional[str]
    """Name of the packaged agent."""
    seconds: float | None = None
    """How long the training took, with those before it, if that was measured."""
    num_train: int = 20_000
    """Images of the training split that the VAE is fitted on; all, if there are fewer."""
    num_epochs: int = 10
    """Epochs that it is fitted for."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and packages the agent; an error of the user is one line of text and exit status 1."""
    options = tyro.cli(Arguments, args=arguments)
    with one_line_errors(DatasetError, FloatingPointError, OSError, ValueError):
        folder = FILES / options.name
        card = package_agent(RunFolder.of(options.run), folder, options.seconds)
        print(f"{options.name}: {card['correct_after_each_glimpse_percent'][-1]} % of the test split are correct.")
        described = package_vae(folder, options.num_train, FitSettings(num_epochs=options.num_epochs))
        write_json(folder / CARD, card | {"vae": described})


def package_vae(folder: Path, num_train: int, settings: FitSettings) -> dict[str, float | str]:
    """Fits a VAE on the hidden states of the packaged agent in a folder, and writes it there in half precision.

    Returns:
        What the card says of it.
    """
    agent = RunFolder(folder).load_agent("cpu")
    env = agent.make_vec_env(NUM_ENVS, split="train")
    train = record(agent, env, at_most(num_train, env), progress=True)
    fit = fit_vae(train.hidden, target_images(train, VAE_SETTINGS), VAE_SETTINGS, settings, progress=True)
    fit.vae.half().save(folder / VAE)
    return {
        "target": VAE_SETTINGS.target,
        "images": len(train),
        "epochs": len(fit.losses),
        "loss_nats": round(min(fit.losses), 2),
    }


if __name__ == "__main__":
    main()
