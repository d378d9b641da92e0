"""The study that `scripts/compare.py` carries out."""
