"""Explains a trained agent: what it knew and believed after each glimpse, and what each glimpse was worth.

python scripts/explain_agent.py runs/digits
python scripts/explain_agent.py runs/mnist --num-eig 1000 --folder report
python scripts/explain_agent.py model.zip --algorithm RecurrentPPO --env-id GlimpseDigits-v0 --trust
"""

from collections.abc import Sequence

from agents.command_line.saved_agent import AgentArguments
from explain.command_line import Arguments
from explain.command_line import main as explain_saved


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments and explains."""
    explain_saved(Arguments[AgentArguments], arguments)


if __name__ == "__main__":
    main()
