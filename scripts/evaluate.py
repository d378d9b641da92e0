"""Measures a trained agent on the whole test split, and draws where it looks.

python scripts/evaluate.py runs/digits
python scripts/evaluate.py runs/digits --compare
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle
from rich.console import Console
from rich.table import Table

import agents
from agents import Algorithm, Evaluation
from glimpse_env import DatasetError
from glimpse_env.rendering.colours import BLACK, GREEN, MUTED, ORANGE, PAGE, SKY_BLUE, TEXT, VERMILLION
from glimpse_env.retina import Retina

CONVNET_IMAGES = 100_000
AGENT, EVALUATION, PATHS = "agent.zip", "evaluation.json", "glimpse_paths.png"
ROWS, COLUMNS = 4, 6


@dataclass(frozen=True)
class Arguments:
    """Measures an agent: how often it is right after each glimpse, over the whole test split, each image once.

    Writes evaluation.json, and glimpse_paths.png with the first images of the split, beside the agent.
    """

    agent: tyro.conf.Positional[Path]
    """A run folder, or the file of a saved agent."""
    compare: bool = False
    """Also let the same core and classifier look at random, at the centre, and along a raster, and train the ceiling, a
    convolutional network that sees the whole canvas. That takes minutes."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, measures and draws; whatever the user can mend ends in one line of error."""
    options = tyro.cli(Arguments, args=arguments)
    path = agent_file(options.agent)
    try:
        run(path, options.compare)
    except (DatasetError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def agent_file(path: Path) -> Path:
    """The file of a saved agent, given that file or its run folder."""
    return path / AGENT if path.is_dir() else path


def run(path: Path, compare: bool) -> None:
    """Measures the agent in a file; what is written goes beside it."""
    agent = agents.load(path)
    lookers: dict[str, Any] = {"its own": agent}
    if compare:
        lookers["at random"] = agents.look_at_random(agent)
        lookers["at the centre"] = agents.look_at_centre(agent)
        lookers["along a raster"] = agents.look_by_raster_scan(agent)
    evaluations = {look: agents.evaluate(looker) for look, looker in lookers.items()}
    environment = agent.spec.environment
    report: dict[str, Any] = {
        "algorithm": type(agent).__name__,
        "environment": {"id": environment.env_id, "arguments": environment.arguments},
        "num_timesteps": agent.num_timesteps,
        "split": "test",
        "looks": {look: evaluation.to_json() for look, evaluation in evaluations.items()},
    }
    if compare:
        network = agents.train_convnet(agent.make_env(), CONVNET_IMAGES, progress_bar=True)
        ceiling = agents.convnet_accuracy(network, agent.make_env())
        report["convnet"] = {"num_images": CONVNET_IMAGES, "accuracy": ceiling}
    (path.parent / EVALUATION).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    draw_paths(agent, evaluations["its own"]).savefig(path.parent / PATHS, dpi=100)
    console = Console()
    console.print(make_table(evaluations, f"{type(agent).__name__} in {environment.env_id}, test split"))
    if compare:
        console.print(
            f"{ceiling:.2%} right is the ceiling: a convolutional network that sees the whole canvas, trained on "
            f"{CONVNET_IMAGES:,} images."
        )
    console.print(f"{path.parent / EVALUATION} has the figures, {path.parent / PATHS} shows where it looked.")


def make_table(evaluations: Mapping[str, Evaluation], title: str) -> Table:
    """One line for each glimpse, one column for each way to look."""
    images = next(iter(evaluations.values())).num_images
    table = Table(title=f"{title}: % right of {images:,} images", title_justify="left")
    table.add_column("glimpse", justify="right")
    for look in evaluations:
        table.add_column(f"looks: {look}", justify="right")
    columns = [
        [
            f"{share:.2f} [{low:.2f}-{high:.2f}]"
            for share, low, high in 100 * np.stack([own.accuracy, own.low, own.high], 1)
        ]
        for own in evaluations.values()
    ]
    for glimpse, cells in enumerate(zip(*columns, strict=True), start=1):
        table.add_row(str(glimpse), *cells)
    table.caption = "95 % confidence intervals; mean return " + ", ".join(
        f"{own.mean_return:.3f} ({look})" for look, own in evaluations.items()
    )
    return table


def draw_paths(agent: Algorithm, evaluation: Evaluation) -> Figure:
    """Draws the first images of the test split, with the glimpses in their order and the beliefs below."""
    count = min(ROWS * COLUMNS, evaluation.num_images)
    envs: Any = agent.make_vec_env(count, split="test")
    envs.reset(seed=0, options={"index": np.arange(count)})
    world = envs.unwrapped.world
    canvases, names = world.canvases.permute(0, 2, 3, 1).numpy(), world.dataset.class_names
    figure = Figure(figsize=(2.1 * COLUMNS, 2.5 * ROWS + 0.6), facecolor=PAGE, layout="constrained")
    figure.suptitle(
        "Where it looked, from 1 to the last (orange), and what it believed after each glimpse (white: rightly)",
        color=TEXT,
        size=14,
    )
    for index, axes in enumerate(figure.subplots(ROWS, COLUMNS).flat):
        axes.set_axis_off()
        if index < count:
            draw_path(axes, canvases[index], evaluation.locations[index], world.retina)
            predictions, label = evaluation.predictions[index], int(evaluation.labels[index])
            write_beliefs(axes, canvases.shape[2], predictions, label, names)
    return figure


def draw_path(axes: Any, canvas: Any, locations: Any, retina: Retina) -> None:
    """Draws a canvas `(H, W, C)` uint8, and the glimpses at locations `(T, 2)` on it in their order."""
    height, width = canvas.shape[:2]
    axes.imshow(np.broadcast_to(canvas, (height, width, 3)), interpolation="nearest")
    glimpse_size = retina.patch_size(0)
    corners = retina.patch_corners(torch.from_numpy(locations), (height, width)).numpy() - 0.5
    centres = corners + glimpse_size / 2
    radius = max(height, width) / 22
    for corner in corners:
        axes.add_patch(Rectangle(corner, glimpse_size, glimpse_size, fill=False, color=SKY_BLUE, alpha=0.7, lw=0.8))
    axes.add_line(Line2D(*centres.T, color=BLACK, lw=3, alpha=0.5))
    axes.add_line(Line2D(*centres.T, color=SKY_BLUE, lw=1.4))
    for number, centre in enumerate(centres, start=1):
        last = number == len(centres)
        fill, ink = (ORANGE, BLACK) if last else (BLACK, SKY_BLUE)
        axes.add_patch(Circle(centre, radius, facecolor=fill, edgecolor=ink, lw=1, zorder=2 + number))
        axes.annotate(
            str(number), centre, color=ink, size=7, weight="bold", ha="center", va="center_baseline", zorder=2 + number
        )
    margin = glimpse_size / 2 + 1
    axes.set(xlim=(-margin - 0.5, width + margin - 0.5), ylim=(height + margin - 0.5, -margin - 0.5))
    axes.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, color=MUTED, lw=0.8))


def write_beliefs(axes: Any, canvas_width: int, predictions: Any, label: int, names: Sequence[str]) -> None:
    """Writes the verdict above an image, and below it the class believed in after each glimpse."""
    right = int(predictions[-1]) == label
    verdict = f"✓ {names[label]}" if right else f"✗ {names[int(predictions[-1])]}, is {names[label]}"
    axes.set_title(verdict, color=GREEN if right else VERMILLION, size=11, weight="bold", pad=3)
    for number, prediction in enumerate(predictions.tolist()):
        axes.text(
            (number + 0.5) / len(predictions) * canvas_width - 0.5,
            axes.get_ylim()[0],
            names[prediction][:3],
            color=TEXT if prediction == label else VERMILLION,
            size=9,
            ha="center",
            va="top",
            parse_math=False,
        )


if __name__ == "__main__":
    main()
