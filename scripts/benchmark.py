"""Measures what the project promises of speed and memory, and prints a table of it beside the targets.

python scripts/benchmark.py env
python scripts/benchmark.py train
python scripts/benchmark.py explain
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # before scripts/, where `explain` is a script, not the package

import tyro

from scripts.benchmark_env import benchmark_env
from scripts.benchmark_explain import benchmark_explain
from scripts.benchmark_tables import show
from scripts.benchmark_train import benchmark_train

BENCHMARKS = {"env": benchmark_env, "train": benchmark_train, "explain": benchmark_explain}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a benchmark and prints its table."""
    description = (__doc__ or "").partition("\n")[0]
    show(tyro.extras.subcommand_cli_from_dict(BENCHMARKS, args=arguments, description=description))


if __name__ == "__main__":
    main()
