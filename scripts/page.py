"""Writes a page on which one watches an agent look: one HTML file, in which the agent runs in the browser.

python scripts/page.py runs/mnist --output page.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro
from torch import Tensor

import agents
from agents import RunFolder
from agents.command_line.paths import PathArgument
from agents.pretrained.catalogue import find_run
from explain import FitSettings, HiddenStateVAE, Recording, VAESettings, fit_vae, record, write_page
from explain.measurement import at_most
from explain.page.weights import store_agent
from explain.reconstruction.baselines import shuffled_states
from explain.reconstruction.vae import target_images
from glimpse_env import DatasetError
from glimpse_env.dataset_rollout import world_of
from glimpse_env.utils.program import one_line_errors

NUM_ENVS = 250
PAGE, REPORT = "page.html", "report.html"


@dataclass(frozen=True)
class PageSettings:
    """How the VAEs of a page are fitted: small ones, because the page carries them.

    Raises:
        ValueError: A number other than the seed is less than 1.
    """

    num_train: int = 10_000
    """Images of the training split that the VAEs are fitted on; all, if there are fewer."""
    num_test: int = 1_000
    """Images of the test split that the examples are chosen from; all, if there are fewer."""
    num_epochs: int = 12
    """Epochs that each VAE is fitted for."""
    layer_size: int = 160
    """Units of each layer of a VAE. With more, the page is larger; it may have 6 MB."""
    seed: int = 0
    """Determines first locations and VAEs."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name != "seed" and value < 1:
                raise ValueError(f"expected {name} to be at least 1, got {value}")


@dataclass(frozen=True)
class Arguments:
    """Writes a page in which a trained agent runs in the browser, with its explanation.

    It fits small VAEs for it, which takes about a minute on MNIST.
    """

    agent: tyro.conf.Positional[PathArgument]
    """A run folder, the file of a saved agent, or the name of an agent that comes with the package."""
    output: PathArgument | None = None
    """The page; by default page.html beside the agent."""
    report: str | None = None
    """The address of a report that the page links to; by default report.html, if it is beside the page."""
    settings: tyro.conf.OmitArgPrefixes[PageSettings] = field(default_factory=PageSettings)
    """How much is computed."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and writes the page; an error of the user is one line of text and exit status 1."""
    options = tyro.cli(Arguments, args=arguments)
    with one_line_errors(DatasetError, FloatingPointError, OSError, ValueError):
        run_folder = find_run(options.agent)
        page = run(run_folder, options.output or run_folder.path / PAGE, options.settings, options.report)
        print(f"Open {page.resolve()}")


def run(run_folder: RunFolder, output: Path, settings: PageSettings, report: str | None = None) -> Path:
    """Writes the page of a saved agent, with a link to the address of a report, or to the report beside it."""
    agent = run_folder.load_agent()
    store_agent(agent)  # or fails now, not after minutes
    train, test = (
        _record(agent, split, count, settings.seed)
        for split, count in (("train", settings.num_train), ("test", settings.num_test))
    )
    vae, shuffled_vae = (
        _fit(states, train, settings) for states in (train.hidden, shuffled_states(train.hidden, settings.seed))
    )
    original_vae = None if train.canvas_is_original() else _fit(train.hidden, train, settings, "original").cpu()
    world = world_of(agent.make_vec_env(1, split="test"))
    if report is None and (output.parent / REPORT).is_file():
        report = REPORT
    return write_page(
        agent,
        vae.cpu(),
        test.to("cpu"),
        output,
        class_names=world.dataset.class_names,
        shuffled_vae=shuffled_vae.cpu(),
        original_vae=original_vae,
        num_distractors=world.config.num_distractors,
        about=describe(agent),
        links={} if report is None else {"The report: all figures and numbers about this agent": report},
    )


def describe(agent: agents.Algorithm) -> dict[str, Any]:
    """Facts about the agent, by name."""
    environment = agent.spec.environment
    facts: dict[str, Any] = {
        "environment": environment.env_id.removeprefix("glimpse_env:"),
        # A page is shown to others, who need not know where the data are on this machine.
        **{name.replace("_", " "): value for name, value in environment.arguments.items() if name != "data_dir"},
        "algorithm": type(agent).__name__,
        "images trained on": f"{agent.num_timesteps // agent.num_glimpses:,}",
        "seed": agent.spec.seed,
        **{name.replace("_", " "): value for name, value in agent.spec.policy_kwargs.items()},
    }
    if agent.accuracy is not None:
        facts["correct on the test split"] = f"{100 * agent.accuracy:.2f} %"
    return facts


def _record(agent: agents.Algorithm, split: str, count: int, seed: int) -> Recording:
    env = agent.make_vec_env(NUM_ENVS, split=split)
    return record(agent, env, at_most(count, env), seed=seed, device=agent.device, progress=True)


def _fit(states: Tensor, recording: Recording, settings: PageSettings, target: str = "canvas") -> HiddenStateVAE:
    vae_settings = VAESettings(target=target, layer_size=settings.layer_size)
    how = FitSettings(num_epochs=settings.num_epochs, seed=settings.seed)
    return fit_vae(states, target_images(recording, vae_settings), vae_settings, how, progress=True).vae


if __name__ == "__main__":
    main()
