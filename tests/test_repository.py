"""The repository as a whole: who imports whom, how full a folder may be, what is declared, and what a wheel brings."""

import ast
import graphlib
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PACKAGES = ["glimpse_env", "agents", "explain"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Whom each folder may import of ours. A program joins packages, as scripts do: that of explain gives its command line
# what loads an agent.
ALLOWED_IMPORTS = {
    "glimpse_env": {"glimpse_env"},
    "agents": {"agents", "glimpse_env"},
    "explain": {"explain", "glimpse_env"},
    "agents command line": {"agents", "glimpse_env"},
    "agents program": {"agents", "glimpse_env"},
    "explain command line": {"explain", "glimpse_env"},
    "explain program": {"explain", "agents", "glimpse_env"},
    "scripts": {"glimpse_env", "agents", "explain", "scripts"},
}

# Which optional dependencies the code in a folder may import, besides the dependencies.
ALLOWED_EXTRAS = {
    "glimpse_env": ["human", "video"],
    "agents": [],
    "explain": [],
    "agents command line": ["train"],
    "agents program": ["train"],
    "explain command line": ["train"],
    "explain program": ["train"],
    "scripts": ["train", "cluster", "search", "others", "docs"],
    "docs": ["docs"],
    "tests": list(PROJECT["optional-dependencies"]),
}

# What Python brings: tomllib from 3.11 on, tomli before.
STANDARD_LIBRARY = sys.stdlib_module_names | {"tomllib"}

# A folder with about a dozen modules is read at a glance; 13, `__init__.py` not counted, is the most that passes.
MOST_MODULES = 13


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "_build" not in path.parts)


def part_of(module: Path) -> str:
    """What a module of a package belongs to: the program that `python -m` runs, its command line, or the library."""
    if module.stem == "__main__":
        return "program"
    return "command line" if "command_line" in (module.stem, *module.parts) else ""


def modules_under_a_rule(folder: str) -> list[Path]:
    """The modules that a rule about imports is for: of a folder, or of a part of a package."""
    package, _, part = folder.partition(" ")
    return [module for module in modules(package) if package not in PACKAGES or part_of(module) == part]


def parse(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def dotted_name(module: Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: Path) -> Iterator[tuple[str, str | None]]:
    """What a file imports, anywhere in it: modules, each with a name in it, or with None for the module itself."""
    for node in ast.walk(parse(module)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield from ((node.module or "", alias.name) for alias in node.names)


def top_level_names(module: Path) -> set[str]:
    return {imported.partition(".")[0] for imported, _ in imports(module)}


def declared(extras: list[str]) -> set[str]:
    """The distributions that the project depends on, with those of some extras."""
    requirements = list(PROJECT["dependencies"])
    for extra in extras:
        requirements += PROJECT["optional-dependencies"][extra]
    return {normalised(re.split(r"[\[<>=;! ]", requirement)[0]) for requirement in requirements}


def normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@pytest.mark.parametrize("folder", ALLOWED_IMPORTS)
def test_imports_only_what_stands_before_it(folder: str) -> None:
    forbidden = ALLOWED_IMPORTS.keys() - ALLOWED_IMPORTS[folder]
    found = {
        str(module.relative_to(ROOT)): top_level_names(module) & forbidden for module in modules_under_a_rule(folder)
    }
    assert {module: names for module, names in found.items() if names} == {}


def test_explain_works_without_agents() -> None:
    """It reaches an agent through `predict` alone, so all but its program is imported where there are no agents."""
    names = [dotted_name(module) for module in modules("explain") if part_of(module) != "program"]
    code = f"import importlib, sys\nsys.modules['agents'] = None\nfor name in {names}: importlib.import_module(name)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def import_graph() -> dict[str, set[str]]:
    """For each of our modules, those of ours that it imports."""
    files = {dotted_name(module): module for folder in (*PACKAGES, "scripts") for module in modules(folder)}
    graph: dict[str, set[str]] = {}
    for name, file in files.items():
        targets = (f"{module}.{part}" if f"{module}.{part}" in files else module for module, part in imports(file))
        graph[name] = {target for target in targets if target in files}
    return graph


def test_no_library_module_imports_a_command_line() -> None:
    command_lines = {dotted_name(module) for package in PACKAGES for module in modules(package) if part_of(module)}
    importers = {name for name, imported in import_graph().items() if imported & command_lines}
    assert {name for name in importers - command_lines if not name.startswith("scripts.")} == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = import_graph()
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("folder", ALLOWED_EXTRAS)
def test_every_imported_distribution_is_declared(folder: str) -> None:
    of_name = packages_distributions()
    ours = {*ALLOWED_IMPORTS, "tests"}
    known = declared(ALLOWED_EXTRAS[folder])
    undeclared = {
        f"{module.relative_to(ROOT)}: {name}"
        for module in modules_under_a_rule(folder)
        for name in top_level_names(module) - ours - STANDARD_LIBRARY
        if not known & {normalised(distribution) for distribution in of_name.get(name, [name])}
    }
    assert undeclared == set()


def test_no_script_edits_the_search_path_or_imports_from_another_program() -> None:
    trees = {dotted_name(module): parse(module) for module in modules("scripts")}
    programs = {name for name, tree in trees.items() if "__main__" in ast.dump(tree)}
    found = []
    for module in modules("scripts"):
        name = dotted_name(module)
        found += [
            f"{name} uses sys.path"
            for node in ast.walk(trees[name])
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"
        ]
        found += [
            f"{name} imports {part} from {imported}"
            for imported, part in imports(module)
            if imported in programs and part != "main"
        ]
    assert found == []


def test_every_random_number_comes_from_a_generator_of_its_own() -> None:
    """The global generators belong to the user, and to all threads at once."""
    found = [
        f"{module.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for package in PACKAGES
        for module in modules(package)
        for node in ast.walk(parse(module))
        if touches_global_generator(node)
    ]
    assert found == []


def test_every_tensor_that_is_made_says_its_device_and_float_type() -> None:
    """Torch's defaults for both belong to the user."""
    floats = ("zeros", "ones", "empty", "rand", "randn", "linspace", "eye")
    others = ("tensor", "full", "arange", "randperm", "randint")
    found = []
    for module in (module for package in PACKAGES for module in modules(package)):
        for node in ast.walk(parse(module)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("torch."):
                name = ast.unparse(node.func).removeprefix("torch.")
                wanted = {"device", "dtype"} if name in floats else {"device"} if name in others else set()
                given = {word.arg for word in node.keywords}
                if not (wanted <= given or None in given):
                    found.append(f"{module.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert found == []


def touches_global_generator(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        name = node.names[0].name if isinstance(node, ast.Import) else str(node.module)
        return name in ("random", "torch.random", "numpy.random")
    if isinstance(node, ast.Attribute):
        of = ast.unparse(node.value)
        if node.attr in ("manual_seed", "seed", "initial_seed"):
            return of in ("torch", "torch.random", "torch.cuda", "np.random")
        if of == "np.random":
            return node.attr not in ("default_rng", "SeedSequence", "Generator")
        return node.attr in ("fork_rng", "set_rng_state", "manual_seed_all")
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        of, name = ast.unparse(node.func.value), node.func.attr
        torch_draws = ("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson")
        layers = (
            "Linear",
            "Bilinear",
            "Conv",
            "RNN",
            "GRU",
            "LSTM",
            "Embedding",
            "Dropout",
            "Multihead",
            "Transformer",
        )
        draws = (
            (of == "torch" and name.removesuffix("_like") in torch_draws)
            or name in ("uniform_", "normal_", "bernoulli_", "random_", "exponential_", "trunc_normal_")
            or (of == "nn" and name.startswith(layers))
        )
        return draws and not of.startswith("np.") and not any(word.arg in ("generator", None) for word in node.keywords)
    return False


@pytest.mark.parametrize(
    "code",
    [
        "import random",
        "from torch.random import fork_rng",
        "torch.manual_seed(0)",
        "with torch.random.fork_rng(devices=[]): pass",
        "np.random.seed(0)",
        "np.random.rand(3)",
        "torch.randn(3, device='cpu')",
        "torch.rand_like(weight)",
        "torch.normal(mean, std)",
        "weight.uniform_(-1, 1)",
        "nn.Linear(3, 4)",
        "nn.LSTMCell(3, 4)",
    ],
)
def test_the_ban_of_global_generators_finds(code: str) -> None:
    assert any(touches_global_generator(node) for node in ast.walk(ast.parse(code)))


@pytest.mark.parametrize("package", [*PACKAGES, "scripts"])
def test_no_folder_is_crowded(package: str) -> None:
    folders = {module.parent for module in modules(package)}
    counts = {
        str(folder.relative_to(ROOT)): sum(module.name != "__init__.py" for module in folder.glob("*.py"))
        for folder in folders
    }
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_mirror_the_folders(package: str) -> None:
    with_code = {module.parent for module in modules(package) if module.name != "__init__.py"}
    with_tests = {ROOT / module.parent.relative_to(ROOT / "tests") for module in files_of_tests(package)}
    assert with_code - with_tests == set()
    # A module whose tests fill several files may have a folder for them.
    assert {folder for folder in with_tests - with_code if not folder.with_suffix(".py").is_file()} == set()


def files_of_tests(package: str) -> list[Path]:
    return [module for module in modules(f"tests/{package}") if module.name.startswith("test_")]


def test_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 160


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    for tool in ("build", "hatchling", "hatch_fancy_pypi_readme"):
        pytest.importorskip(tool, reason=f"{tool} is not installed: pip install -e '.[dev]'")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_links_of_the_readme_work_on_a_package_index(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = wheel.read(name).decode()
    repository = PROJECT["urls"]["Repository"]
    pictures = f"{repository.replace('github.com', 'raw.githubusercontent.com')}/main/"
    assert f"Project-URL: Repository, {repository}" in metadata
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]+)\)", metadata)
    ours = [(shown, link) for shown, link in links if "glimpse-env/glimpse-env" in link or ":" not in link]
    assert len(ours) >= 2
    for shown, link in ours:
        base = pictures if shown else f"{repository}/blob/main/"
        assert link.startswith(base), link
        assert (ROOT / link.removeprefix(base).partition("#")[0]).is_file(), link


def test_wheel_holds_the_typed_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    top_level = {name.partition("/")[0] for name in names}
    assert {name for name in top_level if not name.endswith(".dist-info")} == set(PACKAGES)
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
