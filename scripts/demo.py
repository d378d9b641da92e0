"""Trains an agent on scikit-learn's digits, measures it and explains it, in minutes and offline: `make demo`."""

from __future__ import annotations

from pathlib import Path

import agents
from agents import LossWeights, Schedule
from explain.explanation import ExplanationSettings
from scripts.evaluate import run as evaluate
from scripts.explain_agent import run as explain
from scripts.train import AGENT, fail, train

FOLDER = Path("demo")
NUM_IMAGES = 300_000
SETTINGS = ExplanationSettings(
    num_epochs=40, num_eig=60, grid=13, num_samples=8, policy_images=120, policy_grid=7, policy_samples=4
)


def main() -> None:
    """Trains, measures and explains; what goes wrong outside ends in one line of error."""
    try:
        FOLDER.mkdir(exist_ok=True)
        print("1 of 3: training an agent that looks at digits through 6 glimpses of 8x8 pixels", flush=True)
        train(make_agent(), FOLDER, progress_bar=True)
        print("2 of 3: measuring it", flush=True)
        evaluate(FOLDER / AGENT, compare=False)
        print("3 of 3: explaining it", flush=True)
        report = explain(FOLDER / AGENT, FOLDER, SETTINGS)
    except (agents.TrainingDiverged, OSError) as error:
        fail(error)
    print(f"What it saw, believed and imagined: open {report.resolve()}")


def make_agent() -> agents.REINFORCE:
    """A fresh agent, which is to learn beliefs that mean something after every glimpse, wherever it was taken."""
    agent = agents.REINFORCE(
        "GlimpseDigits-v0",
        learning_rate=Schedule(1e-3, 0, "cosine"),
        loss_weights=LossWeights(every_glimpse=True),
        exploration_fraction=0.3,
        seed=0,
    )
    agent.total_timesteps = NUM_IMAGES * agent.num_glimpses
    return agent


if __name__ == "__main__":
    main()
