"""Trains and measures agents.

python -m agents train digits
python -m agents evaluate runs/digits
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

try:
    import tyro

    from agents.command_line import evaluate, train
except ModuleNotFoundError as error:
    sys.exit(f'error: the command line needs {error.name}: run `pip install "glimpse-env[train]"`')


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads which command is asked for, with its arguments, and carries it out."""
    options = tyro.cli(
        Annotated[train.Arguments, tyro.conf.subcommand("train")]
        | Annotated[evaluate.Arguments, tyro.conf.subcommand("evaluate")],
        args=arguments,
        prog="python -m agents",
        description=(__doc__ or "").partition("\n")[0],
    )
    if isinstance(options, train.Arguments):
        train.run_command(options)
    else:
        evaluate.run_command(options)


if __name__ == "__main__":
    main()
