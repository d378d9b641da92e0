"""Measures speed and memory, and prints them beside their targets.

python scripts/benchmark.py env
python scripts/benchmark.py train
python scripts/benchmark.py explain
python scripts/benchmark.py page
python scripts/benchmark.py processes
"""

from __future__ import annotations

from collections.abc import Sequence

import tyro

from scripts.benchmarks.env import benchmark_env
from scripts.benchmarks.explain import benchmark_explain
from scripts.benchmarks.page import benchmark_page
from scripts.benchmarks.processes import benchmark_processes
from scripts.benchmarks.tables import print_table
from scripts.benchmarks.train import benchmark_train

BENCHMARKS = {
    "env": benchmark_env,
    "train": benchmark_train,
    "explain": benchmark_explain,
    "page": benchmark_page,
    "processes": benchmark_processes,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a benchmark and prints its table."""
    description = (__doc__ or "").partition("\n")[0]
    print_table(tyro.extras.subcommand_cli_from_dict(BENCHMARKS, args=arguments, description=description))


if __name__ == "__main__":
    main()
