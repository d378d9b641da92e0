"""Invented results of an experiment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scripts.study.experiments import HARD, RESHAPED
from scripts.study.tables import QUANTITIES

DATASETS, VARIANTS = ("MNIST", "cluttered 40x40"), (HARD, RESHAPED, "HardAttLSTM")
NUM_SEEDS, NUM_GLIMPSES = 2, 3


@pytest.fixture
def results() -> pd.DataFrame:
    """Random numbers for two data sets, three variants, two seeds and three glimpses."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"dataset": dataset, "variant": variant, "seed": seed, "glimpse": glimpse}
        | {quantity: rng.uniform() for quantity in QUANTITIES}
        for seed in range(NUM_SEEDS)
        for dataset in DATASETS
        for variant in VARIANTS
        for glimpse in range(1, NUM_GLIMPSES + 1)
    )
