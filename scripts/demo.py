"""Trains an agent on scikit-learn's digits, measures it, shows and explains it, in minutes and offline: `make demo`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from agents import RunFolder
from agents.command_line import evaluate, train
from glimpse_env.utils.program import one_line_errors
from scripts import explain_agent, page

RUN = RunFolder(Path("demo"))
EXPLANATION = [
    *("--num-epochs=40", "--num-eig=60", "--grid=13", "--num-samples=8"),
    *("--policy-images=120", "--policy-grid=7", "--policy-samples=4"),
]

PAGE = ["--num-epochs=30"]


@dataclass(frozen=True)
class Arguments:
    """Trains an agent on scikit-learn's digits, measures it and explains it, in minutes and offline.

    Everything goes into the folder demo/, where an agent of an earlier demo is replaced.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains a new agent in the folder demo/, measures it, and writes its page and its report."""
    tyro.cli(Arguments, args=arguments)
    folder = str(RUN.path)
    with one_line_errors(OSError), RUN.lock():
        RUN.agent.unlink(missing_ok=True)
        print("1 of 4: training an agent that looks at digits through 6 glimpses of 8x8 pixels", flush=True)
        train.main(["digits-explain", "--run-folder", folder])
        print("2 of 4: measuring it", flush=True)
        evaluate.main([folder])
        print("3 of 4: writing a page on which it looks", flush=True)
        page.main([folder, "--output", str(RUN.path / "page.html"), "--report", "report.html", *PAGE])
        print("4 of 4: explaining it", flush=True)
        explain_agent.main([folder, "--folder", folder, *EXPLANATION])


if __name__ == "__main__":
    main()
