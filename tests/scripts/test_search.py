"""The search for settings without Optuna; with it, it is tested in tests/others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from scripts import search


def test_without_optuna_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)  # as if it were not installed
    with pytest.raises(SystemExit, match="a search needs Optuna: run `pip install"):
        search.main(["digits", "--folder", str(tmp_path / "search")])
    assert not (tmp_path / "search").exists()
