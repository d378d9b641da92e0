"""Explains a saved agent.

python -m explain runs/digits

Here, and nowhere else in this package, agents are loaded: this program gives the command line what loads them.
"""

from __future__ import annotations

import sys

try:
    from agents.command_line.saved_agent import AgentArguments
    from explain.command_line import Arguments, main
except ModuleNotFoundError as error:
    sys.exit(f'error: the command line needs {error.name}: run `pip install "glimpse-env[train]"`')

if __name__ == "__main__":
    main(Arguments[AgentArguments], prog="python -m explain")
