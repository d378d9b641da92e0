"""The command `evaluate`: measures an agent's accuracy on the whole test split, and draws where it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from rich.console import Console
from rich.table import Table
from torch import Tensor

import agents
from agents import Evaluation
from agents.command_line.saved_agent import AgentArguments, SavedAgent
from agents.environments import EnvironmentSpec
from glimpse_env import DatasetError
from glimpse_env.dataset_rollout import world_of
from glimpse_env.rendering.colours import GREEN, MUTED, PAGE, TEXT, VERMILLION
from glimpse_env.rendering.episodes import draw_glimpses, draw_path, show_canvas
from glimpse_env.rendering.style import StyledFigure, matplotlib_settings
from glimpse_env.retina import Retina
from glimpse_env.utils.atomic import write_json
from glimpse_env.utils.program import one_line_errors
from glimpse_env.world import World

CONVNET_IMAGES = 100_000
ROWS, COLUMNS = 4, 6


@dataclass(frozen=True)
class Arguments(AgentArguments):
    """Measures the accuracy of an agent after each glimpse, on every image of the test split once.

    Writes evaluation.json, and glimpse_paths.png with the first images of the split, beside the agent.
    """

    compare: bool = False
    """Also measure the same core and classifier with other location policies (random, centre, raster scan), and train a
    convolutional network on whole canvases, whose accuracy is a ceiling. That takes minutes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, measures and draws."""
    run_command(tyro.cli(Arguments, args=arguments))


def run_command(options: Arguments) -> None:
    """Measures and draws. An error of the user is one line of text and exit status 1."""
    with one_line_errors(DatasetError, OSError, ValueError):
        evaluate(options.load(), options.compare)


def evaluate(saved: SavedAgent, compare: bool) -> None:
    """Measures a saved agent, writes the results beside it, and prints them."""
    agent, run = saved.agent, saved.run
    location_policies = {"learned policy": agent, **(saved.location_policies if compare else {})}
    evaluations = {name: agents.evaluate(policy) for name, policy in location_policies.items()}
    report = report_of(saved, evaluations)
    if compare:
        network = agents.train_convnet(agent.make_env(), CONVNET_IMAGES, progress_bar=True)
        ceiling = agents.convnet_accuracy(network, agent.make_env())
        report["convnet"] = {"num_images": CONVNET_IMAGES, "accuracy": ceiling}
    write_json(run.evaluation, report)
    evaluation = evaluations["learned policy"]
    world = first_canvases(saved.environment, min(ROWS * COLUMNS, evaluation.num_images))
    draw_glimpse_paths(evaluation, world).savefig(run.glimpse_paths, dpi=100)
    console = Console()
    console.print(make_table(evaluations, f"{saved.algorithm} in {saved.environment.env_id}, test split"))
    if compare:
        console.print(
            f"Ceiling: {ceiling:.2%} are correct of a convolutional network that sees the whole canvas, trained on "
            f"{CONVNET_IMAGES:,} images."
        )
    # Rich would read brackets in a path as markup, and break long ones into lines.
    print(f"{run.evaluation} has the numbers, {run.glimpse_paths} shows where the agent looked.")


def report_of(saved: SavedAgent, evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """What goes into evaluation.json, given the evaluation of each location policy."""
    return {
        "algorithm": saved.algorithm,
        "environment": {"id": saved.environment.env_id, "arguments": saved.environment.arguments},
        "num_timesteps": saved.agent.num_timesteps,
        "split": "test",
        "location_policies": {name: evaluation.to_json() for name, evaluation in evaluations.items()},
    }


def make_table(evaluations: Mapping[str, Evaluation], title: str) -> Table:
    """Makes a table of one row for each glimpse and one column for each location policy."""
    num_images = next(iter(evaluations.values())).num_images
    table = Table(title=f"{title}: % correct of {num_images:,} images", title_justify="left")
    table.add_column("glimpse", justify="right")
    for name in evaluations:
        table.add_column(name, justify="right")
    columns = [
        [
            f"{accuracy:.2f} [{low:.2f}-{high:.2f}]"
            for accuracy, low, high in 100 * np.stack([evaluation.accuracy, evaluation.low, evaluation.high], axis=1)
        ]
        for evaluation in evaluations.values()
    ]
    for glimpse, cells in enumerate(zip(*columns, strict=True), start=1):
        table.add_row(str(glimpse), *cells)
    table.caption = "95 % confidence intervals; mean return " + ", ".join(
        f"{evaluation.mean_return:.3f} ({name})" for name, evaluation in evaluations.items()
    )
    return table


@dataclass(frozen=True)
class EvaluatedEpisodes:
    """Where an agent looked on the first images of the test split, on the CPU; see `glimpse_env.rendering.episodes`."""

    canvases: Tensor
    locations: Tensor
    retina: Retina


def first_canvases(environment: EnvironmentSpec, count: int) -> World:
    """The world in which the first `count` images of the test split begin."""
    envs = environment.make_vec(count, split="test")
    envs.reset(seed=0, options={"index": np.arange(count)})
    return world_of(envs)


@matplotlib_settings()
def draw_glimpse_paths(evaluation: Evaluation, world: World) -> Figure:
    """Draws images with the path of the glimpses, the answer above, and the belief after each glimpse below.

    Args:
        evaluation: What the agent did.
        world: Holds the canvases of the first images, at most `ROWS * COLUMNS`.
    """
    figure = StyledFigure(figsize=(2.1 * COLUMNS, 2.5 * ROWS + 0.6), facecolor=PAGE, layout="constrained")
    title = "Where it looked, from 1 to the last (orange), and what it believed after each glimpse (white: correct)"
    figure.suptitle(title, color=TEXT, size=14)
    episodes = EvaluatedEpisodes(world.canvases.cpu(), torch.from_numpy(evaluation.locations), world.retina)
    num_glimpses, names = evaluation.locations.shape[1], world.dataset.class_names
    for image, axes in enumerate(figure.subplots(ROWS, COLUMNS).flat):
        axes.set_axis_off()
        if image < world.num_envs:
            show_canvas(axes, episodes, image, num_glimpses)
            draw_glimpses(axes, episodes, image, num_glimpses)
            draw_path(axes, episodes, image, num_glimpses)
            _outline(axes, episodes.canvases.shape[2:])
            _write_beliefs(axes, evaluation.predictions[image].tolist(), int(evaluation.labels[image]), names)
    return figure


def _outline(axes: Axes, shape: Sequence[int]) -> None:
    """Outlines a canvas of shape `(H, W)`."""
    height, width = shape
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, color=MUTED, linewidth=0.8))


def _write_beliefs(axes: Axes, predictions: Sequence[int], label: int, names: Sequence[str]) -> None:
    is_correct = predictions[-1] == label
    answer = f"✓ {names[label]}" if is_correct else f"✗ {names[predictions[-1]]}, is {names[label]}"
    axes.set_title(answer, color=GREEN if is_correct else VERMILLION, size=11, weight="bold", pad=3)
    for number, prediction in enumerate(predictions):
        axes.text(
            (number + 0.5) / len(predictions),
            0,
            names[prediction][:3],
            transform=axes.transAxes,
            color=TEXT if prediction == label else VERMILLION,
            size=9,
            ha="center",
            va="top",
            parse_math=False,
        )
