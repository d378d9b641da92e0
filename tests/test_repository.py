"""The repository as a whole: what a wheel brings, who imports whom, and that tests mirror modules."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Whom each folder may import of ours.
ALLOWED_IMPORTS = {
    "glimpse_env": {"glimpse_env"},
    "agents": {"agents", "glimpse_env"},
    "explain": {"explain", "glimpse_env"},
    "scripts": {"glimpse_env", "agents", "explain", "scripts"},
}
PACKAGES = [name for name in ("glimpse_env", "agents", "explain") if (ROOT / name).is_dir()]


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported_names(module: Path) -> set[str]:
    """The top-level names that a file imports absolutely, inside functions included."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("folder", ALLOWED_IMPORTS)
def test_imports_only_what_stands_before_it(folder: str) -> None:
    forbidden = ALLOWED_IMPORTS.keys() - ALLOWED_IMPORTS[folder]
    found = {str(module.relative_to(ROOT)): imported_names(module) & forbidden for module in modules(folder)}
    assert {module: names for module, names in found.items() if names} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_its_test_file(package: str) -> None:
    paths = [module.relative_to(ROOT) for module in modules(package) if module.name != "__init__.py"]
    mirrors = [Path("tests", path.parent, f"test_{path.name}") for path in paths]
    assert [str(mirror) for mirror in mirrors if not (ROOT / mirror).is_file()] == []


def test_wheel_holds_the_typed_packages_and_nothing_else(tmp_path: Path) -> None:
    for tool in ("build", "hatchling"):
        pytest.importorskip(tool, reason=f"{tool} is not installed: pip install -e '.[dev]'")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    top_level = {name.partition("/")[0] for name in names}
    assert {name for name in top_level if not name.endswith(".dist-info")} == set(PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
