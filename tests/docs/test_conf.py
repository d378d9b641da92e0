"""How the documentation reads docstrings and equations."""

import runpy
from pathlib import Path
from typing import Any

import pytest

for package in ("sphinx", "docutils"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install -e '.[docs]'")

CONF: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[2] / "docs" / "conf.py"))


def rewritten(text: str) -> str:
    return "\n".join(CONF["to_rst"](text.splitlines())).strip()


def test_markdown_headings_become_rubrics() -> None:
    assert rewritten("## Rewards\nIt pays 0.") == ".. rubric:: Rewards\n\nIt pays 0."


def test_markdown_tables_become_list_tables() -> None:
    table = "| key | what |\n|---|---|\n| `glimpse` | a patch |"
    assert [line.strip() for line in rewritten(table).splitlines() if line] == [
        ".. list-table::",
        ":header-rows: 1",
        "* - key",
        "- what",
        "* - `glimpse`",
        "- a patch",
    ]


def test_indented_equations_are_shown_as_they_are_typed() -> None:
    equation = "The gain is:\n\n    EIG(l) = E_z[ KL(p || q) ]\n\nand so on."
    assert rewritten(equation) == equation.replace("is:", "is::")


def test_indented_examples_and_fields_stay() -> None:
    text = ":param x: As follows:\n\n        - one\n\nExample:\n\n    >>> 1\n    1"
    assert rewritten(text) == text


def test_plurals_of_names_are_separated() -> None:
    assert rewritten("Many `GlimpseEnv`s, and a `name` alone.") == "Many `GlimpseEnv`\\ s, and a `name` alone."


def test_references_to_what_exists_are_code_and_others_are_errors() -> None:
    assert CONF["_exists"]("agents.algorithms.base.Algorithm")
    assert not CONF["_exists"]("agents.algorithms.base.Missing")
    assert not CONF["_exists"]("agents.missing.Algorithm")
