"""Measures the accuracy of a trained agent on the whole test split, and draws where it looks.

python scripts/evaluate.py runs/digits
python scripts/evaluate.py runs/digits --compare
"""

from agents.command_line.evaluate import main

if __name__ == "__main__":
    main()
