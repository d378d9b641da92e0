"""Tables of a study: means over seeds, half of their intervals, and Markdown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from explain import Estimate
from scripts.study.experiments import RESHAPED
from scripts.study.tables import (
    QUANTITIES,
    Quantity,
    estimate_over_seeds,
    glimpse_table,
    last_glimpse_table,
    to_markdown,
)

T_ONE_DEGREE_OF_FREEDOM = 12.706


def values_of(results: pd.DataFrame, quantity: str, glimpse: int) -> np.ndarray:
    """The values of all seeds of one variant on MNIST."""
    chosen = (results.dataset == "MNIST") & (results.variant == RESHAPED) & (results.glimpse == glimpse)
    return results[chosen][quantity].to_numpy()


def test_a_quantity_is_written_in_its_unit_with_its_digits() -> None:
    value = torch.tensor([0.4321, 0.5])
    quantity = Quantity("correct, %", 100, 1)
    assert quantity.write(Estimate(value, value - 0.02, value + 0.02), 0) == "43.2 ± 2.0"
    assert quantity.write(Estimate(value, value - torch.inf, value + torch.inf), -1) == "50.0"


def test_estimates_are_means_over_seeds_with_students_t(results: pd.DataFrame) -> None:
    estimate = estimate_over_seeds(results, "MNIST", RESHAPED, "label_information")
    for glimpse in (1, 2, 3):
        values = values_of(results, "label_information", glimpse)
        half = T_ONE_DEGREE_OF_FREEDOM * values.std(ddof=1) / np.sqrt(2)
        assert estimate.value[glimpse - 1].item() == pytest.approx(values.mean())
        assert estimate.high[glimpse - 1].item() == pytest.approx(values.mean() + half, rel=1e-4)


def test_the_table_has_every_quantity_after_the_last_glimpse(results: pd.DataFrame) -> None:
    table = last_glimpse_table(results)
    assert list(table.columns) == ["data set", "variant", "seeds", *(quantity.name for quantity in QUANTITIES.values())]
    assert list(zip(table["data set"], table.variant, strict=True)) == [
        (dataset, variant)
        for dataset in ("MNIST", "cluttered 40x40")
        for variant in ("HardAtt", "HardAttReshaped", "HardAttLSTM")
    ]
    assert (table.seeds == 2).all()
    mean, half = table["correct, %"][1].split(" ± ")
    values = 100 * values_of(results, "accuracy", 3)
    assert float(mean) == pytest.approx(values.mean(), abs=0.051)
    assert float(half) == pytest.approx(T_ONE_DEGREE_OF_FREEDOM * values.std(ddof=1) / np.sqrt(2), abs=0.051)


def test_a_table_follows_one_quantity_glimpse_by_glimpse(results: pd.DataFrame) -> None:
    row = glimpse_table(results, "accuracy").iloc[1]
    assert row.variant == RESHAPED
    for glimpse in (1, 2, 3):
        mean = 100 * values_of(results, "accuracy", glimpse).mean()
        assert float(row[str(glimpse)].split(" ± ")[0]) == pytest.approx(mean, abs=0.051)


def test_a_single_seed_has_no_interval(results: pd.DataFrame) -> None:
    table = glimpse_table(results[results.seed == 0], "accuracy")
    assert (table.seeds == 1).all()
    assert not table["3"].str.contains("±").any()


def rows_of(markdown: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines() if line[:1] == "|"]


def test_markdown_has_all_tables(results: pd.DataFrame) -> None:
    results = results.assign(accuracy=0.5)
    page = to_markdown(results, {})
    rows = rows_of(page)
    for table in (last_glimpse_table(results), glimpse_table(results, "label_information")):
        assert list(map(str, table.columns)) in rows
        assert all(list(map(str, row)) in rows for row in table.to_numpy())
    assert ["MNIST", "HardAtt", "2", "50.0 ± 0.0", "50.0 ± 0.0", "50.0 ± 0.0"] in rows
    assert "Failed" not in page


def test_a_data_set_with_fewer_glimpses_has_empty_cells(results: pd.DataFrame) -> None:
    shorter = results[(results.dataset == "MNIST") | (results.glimpse < 3)]
    page = to_markdown(shorter, {})
    assert "nan" not in page
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| cluttered 40x40")]
    assert any(cells[-2].strip() == "" and cells[-3].strip() != "" for cells in rows)


def test_markdown_lists_failures(results: pd.DataFrame) -> None:
    assert to_markdown(results, {"digits-ppo": "ValueError: no"}).endswith("Failed:\n\n- digits-ppo: ValueError: no\n")
