"""Explains a saved agent.

python -m explain runs/digits
"""

from __future__ import annotations

import sys

try:
    from explain.command_line import main
except ModuleNotFoundError as error:
    sys.exit(f'error: the command line needs {error.name}: run `pip install "glimpse-env[train]"`')

if __name__ == "__main__":
    main(prog="python -m explain")
