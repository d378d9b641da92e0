"""Trains an agent, and writes it into a run folder with its log and its learning curve.

python scripts/train.py digits
python scripts/train.py mnist --algorithm A2C --core lstm --seed 1
python scripts/train.py GlimpseKMNIST-v0 --images 1000000 --run-folder runs/kmnist
python scripts/train.py --resume runs/kmnist
"""

from agents.command_line.train import main

if __name__ == "__main__":
    main()
