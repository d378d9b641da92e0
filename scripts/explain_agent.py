"""Explains a trained agent: what it knew and believed after each glimpse, and what each glimpse was worth.

python scripts/explain_agent.py runs/digits
python scripts/explain_agent.py runs/mnist --num-eig 1000 --folder report
"""

from explain.command_line import main

if __name__ == "__main__":
    main()
