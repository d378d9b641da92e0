"""The examples in README.md run, and print what it says they print."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from glimpse_env import IDS, WorldConfig
from glimpse_env.data import datasets

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# A block of Python, and the block of text right after it if there is one.
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets afterwards what the examples register."""
    monkeypatch.setattr(datasets, "_loaders", dict(datasets._loaders))
    monkeypatch.setattr(datasets, "_held", dict(datasets._held))


@pytest.mark.usefixtures("registered")
def test_examples_run_in_order_and_print_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = list(EXAMPLE.finditer(README))
    assert len(examples) == README.count("```python")
    namespace: dict[str, Any] = {}
    for example in examples:
        code, expected = example.groups(default="")
        line = README.count("\n", 0, example.start()) + 1
        printed = StringIO()
        with redirect_stdout(printed):
            # The leading lines make a traceback point to the line in the README.
            exec(compile("\n" * line + code, str(ROOT / "README.md"), "exec"), namespace)
        assert printed.getvalue() == expected, f"README.md, line {line}"


def test_links_to_files_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_table_of_ids_gives_their_defaults() -> None:
    rows = re.findall(r"^\| (`Glimpse.*-v0`) \|.*\| (\d+) \| (\d+) \| (\d+) \|$", README, re.MULTILINE)
    listed = {env_id: tuple(map(int, numbers)) for ids, *numbers in rows for env_id in re.findall(r"`(.*?)`", ids)}
    configs = {env_id: WorldConfig(**arguments) for env_id, arguments in IDS.items()}
    assert listed == {env_id: (c.num_glimpses, c.glimpse_size, c.num_scales) for env_id, c in configs.items()}
