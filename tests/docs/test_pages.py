"""The pages and the README: examples run and print what is shown, commands exist, and links lead somewhere."""

import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import agents
import explain
import glimpse_env
from agents.command_line.evaluate import make_table
from glimpse_env import IDS, WorldConfig
from glimpse_env.data import datasets

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]

# A block of Python, and the block of text right after it if there is one.
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
SHELL = re.compile(r"^```sh\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def pages_with(pattern: re.Pattern[str]) -> list[str]:
    return [name for name in NAMES if pattern.search(read(name))]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(name: str) -> list[list[str]]:
    """The words of every command in the shell blocks of a page, and in its text where it begins with `python`."""
    text = read(name)
    lines = [line for block in SHELL.findall(text) for line in block.splitlines()]
    lines += re.findall(r"`(python (?:scripts/|-m (?:agents|explain))[^`]*)`", text)
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@cache
def help_of(*program: str) -> str:
    """What a program says with `--help`, on one line."""
    shown = subprocess.run([sys.executable, *program, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return " ".join(shown.stdout.split())


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgets afterwards what the examples register."""
    monkeypatch.setattr(datasets, "_loaders", dict(datasets._loaders))
    monkeypatch.setattr(datasets, "_held", dict(datasets._held))


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", pages_with(re.compile("^```python", re.MULTILINE)))
def test_examples_run_in_order_and_print_what_is_shown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = read(name)
    examples = list(EXAMPLE.finditer(page))
    assert len(examples) == page.count("```python")
    namespace: dict[str, Any] = {}
    for example in examples:
        code, expected = example.groups(default="")
        line = page.count("\n", 0, example.start()) + 1
        printed = StringIO()
        with redirect_stdout(printed):
            # The leading lines make a traceback point to the line on the page.
            exec(compile("\n" * line + code, str(ROOT / name), "exec"), namespace)
        assert printed.getvalue() == expected, f"{name}, line {line}"


@pytest.mark.parametrize("name", pages_with(re.compile(r"^```sh|`python (scripts/|-m (agents|explain))", re.MULTILINE)))
def test_commands_exist_with_their_options_and_words(name: str) -> None:
    makefile = read("Makefile")
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    for program, *words in commands(name):
        if program == "torchrun":  # starts a program several times
            program, *words = "python", *words[words.index("scripts/train.py") :]
        if program == "make":
            assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in words), words
        elif program == "pip":
            asked = re.search(r"\[(.*)\]", words[-1])
            assert asked is None or set(asked[1].split(",")) <= set(extras), words
        else:
            assert program == "python", program
            # `python scripts/PROGRAM`, `python -m explain`, or `python -m agents COMMAND`
            size = 1 if words[0] != "-m" else 3 if words[1] == "agents" else 2
            shown = help_of(*words[:size])
            for argument in words[size:]:
                # A path is the user's, and a number a value; all else is an option, a preset, a packaged agent or the
                # name of a part.
                given = "/" in argument or re.fullmatch(r"\d+(e-\d+)?", argument)
                if not given and argument not in agents.list_pretrained():
                    assert re.search(rf"(?<![\w-]){re.escape(argument)}(?![\w-])", shown), (words, argument)


def test_evaluations_are_shown_as_the_program_prints_them() -> None:
    shown = re.search(r"^```text\n(\w+ in \w+-v0, test split.*?)^```", read("docs/agents.md"), re.DOTALL | re.MULTILINE)
    assert shown is not None
    title, num_images = re.findall(r"^(.*): % correct of ([\d,]+) images$", shown[1], re.MULTILINE)[0]
    returns = re.findall(r"(-?[\d.]+) \(([\w ]+)\)", " ".join(shown[1].split()))
    rows = [re.findall(r"([\d.]+) \[([\d.]+)-([\d.]+)\]", line) for line in shown[1].splitlines()]
    columns = np.array([row for row in rows if row], dtype=float).swapaxes(0, 1) / 100
    evaluations: dict[str, Any] = {
        name: SimpleNamespace(
            num_images=int(num_images.replace(",", "")),
            mean_return=float(mean_return),
            **dict(zip(("accuracy", "low", "high"), column.T, strict=True)),
        )
        for (mean_return, name), column in zip(returns, columns, strict=True)
    }
    printed = StringIO()
    Console(file=printed, width=120).print(make_table(evaluations, title))
    assert [line.rstrip() for line in printed.getvalue().splitlines()] == shown[1].splitlines()


@pytest.mark.parametrize("name", pages_with(LINK))
def test_links_to_files_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    targets = [target for target in LINK.findall(read(name)) if not re.match(r"https?:", target)]
    for target in targets:
        path, _, heading = target.partition("#")
        linked = folder / path if path else ROOT / name
        assert linked.is_file(), f"{name}: {target}"
        if heading:
            assert heading in headings_of(linked), f"{name}: {target}"


@pytest.mark.parametrize("name", NAMES)
def test_paths_in_the_text_exist(name: str) -> None:
    folders = "glimpse_env|agents|explain|scripts|docs|tests"
    # What `make docs` builds is not of the repository, and the changelog names a script that is gone.
    paths = {path for path in re.findall(rf"`((?:{folders})/[^`\s]*)`", read(name)) if "_build" not in path}
    assert {path for path in paths if not (ROOT / path).exists()} - {"scripts/explain.py"} == set()


def headings_of(page: Path) -> list[str]:
    """The anchors of a page's headings, as GitHub and MyST name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_every_picture_is_shown_somewhere() -> None:
    shown = {(ROOT / name).parent / target for name in NAMES for target in LINK.findall(read(name))}
    pictures = {path for pattern in ("*.png", "*.gif") for path in DOCS.rglob(pattern) if "_build" not in path.parts}
    assert pictures - {path.resolve() for path in shown} == set()


@pytest.mark.parametrize("package", [glimpse_env, agents, explain], ids=lambda package: package.__name__)
def test_every_public_name_is_documented(package: Any) -> None:
    page = read(f"docs/api/{package.__name__}.md")
    documented = re.findall(rf"^\.\. (?:auto\w+:: {package.__name__}\.|py:data:: )(\w+)", page, re.MULTILINE)
    assert sorted(documented) == sorted(package.__all__)


def test_table_of_ids_gives_their_defaults() -> None:
    page = read("docs/environment.md")
    rows = re.findall(r"^\| (`Glimpse.*-v0`) \|.*\| (\d+) \| (\d+) \| (\d+) \|$", page, re.MULTILINE)
    listed = {env_id: tuple(map(int, numbers)) for ids, *numbers in rows for env_id in re.findall(r"`(.*?)`", ids)}
    configs = {env_id: WorldConfig(**arguments) for env_id, arguments in IDS.items()}
    assert listed == {env_id: (c.num_glimpses, c.glimpse_size, c.num_scales) for env_id, c in configs.items()}


def test_table_of_presets_names_them_all() -> None:
    table = read("docs/agents.md").partition("| preset | task |")[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    assert sorted(name for cell in cells for name in re.findall("`(.*?)`", cell)) == sorted(agents.PRESETS)
