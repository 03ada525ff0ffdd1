"""Arrows go one way, between floors, rooms and files: evoprune <- operators <- algorithms <- benchmarks <- doors."""

import ast
import importlib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("operators", "algorithms", "benchmarks")
HEIGHTS = {"operators": 1, "algorithms": 2, "benchmarks": 3, "__main__": 4, "estimators": 4, "loading": 4, "load": 4}
DOORS = ("evoprune.__main__", "evoprune.estimators", "evoprune.loading")
"""The files that may import from every floor; nothing imports them."""
STUB = ROOT / "evoprune" / "__init__.pyi"
"""What the package offers, from every folder and a door: imported when it is asked for, so that it is no arrow."""


def modules() -> dict[str, list[Path]]:
    """Dotted names and the files that make them: a lazy ``__init__.py`` imports what its ``.pyi`` says."""
    found: dict[str, list[Path]] = {}
    files = list((ROOT / "evoprune").rglob("*.py*"))
    files = [path for path in files if path.relative_to(ROOT / "evoprune").parts[0] not in FOLDERS]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py*")]
    for path in files:
        if path.suffix in (".py", ".pyi"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(part for part in (parts if parts[0] == "evoprune" else ("evoprune", *parts)))
            found.setdefault(name.removesuffix(".__init__"), []).append(path)
    return found


MODULES = modules()
SCRIPTS = [path for folder in ("tests", "docs") for path in (ROOT / folder).rglob("*.py")]


def imports(source: str, package: str = "") -> list[str]:
    """Dotted names that a source imports, at any depth; a relative import starts with its dots.

    :param package: resolve the relative imports of this package's stub.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            origin = f"{package}.{node.module}" if package and node.level else origin
            found += [f"{origin}.{alias.name}" for alias in node.names]
    return found


def module_of(name: str) -> str | None:
    """The module of ours that a dotted name stands for or stands in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def arrows() -> dict[str, set[str]]:
    """Module -> the modules that it imports."""
    found: dict[str, set[str]] = {}
    for name, paths in MODULES.items():
        counted = [path for path in paths if path != STUB]
        names = [n for path in counted for n in imports(path.read_text("utf-8"), name if path.suffix == ".pyi" else "")]
        found[name] = {module for n in names if (module := module_of(n)) and module != name}
    return found


def room(module: str) -> str:
    """The folder that a module's file is in."""
    return str(MODULES[module][0].parent.relative_to(ROOT))


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The nodes of a circle, if there is one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def height(name: str) -> int:
    """The floor of a dotted name; 0 is the ground floor."""
    parts = name.split(".")
    return HEIGHTS.get(parts[1], 0) if parts[0] == "evoprune" and len(parts) > 1 else 0


def offences(module: str, source: str) -> list[str]:
    """Imports in `source`, which belongs to `module`, that go upwards or around the package."""
    return [name for name in imports(source) if height(name) > height(module) or not_absolute(name)]


def not_absolute(name: str) -> bool:
    return name.startswith(".") or name.split(".")[0] in FOLDERS


@pytest.mark.parametrize("name", sorted(MODULES))
def test_imports_go_downwards(name):
    for path in MODULES[name]:
        if path.suffix == ".py":
            assert offences(name, path.read_text(encoding="utf-8")) == []


def test_no_circle_of_files():
    assert circle(arrows()) == []


def test_no_circle_of_folders():
    rooms: dict[str, set[str]] = {}
    for name, targets in arrows().items():
        if name not in DOORS:
            rooms.setdefault(room(name), set()).update({room(target) for target in targets} - {room(name)})
    assert circle(rooms) == []


@pytest.mark.parametrize("door", DOORS)
def test_nothing_imports_a_door(door):
    assert door in MODULES
    assert [name for name, targets in arrows().items() if door in targets] == []


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) != []
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_file_holds_one_idea(name):
    assert [path.name for path in MODULES[name] if len(path.read_text("utf-8").splitlines()) > 300] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_scripts_import_through_the_package(path):
    assert [name for name in imports(path.read_text(encoding="utf-8")) if not_absolute(name)] == []


def test_every_floor_was_read():
    assert {height(name) for name in MODULES} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("evoprune.genome", "import evoprune.operators", ["evoprune.operators"]),
        ("evoprune.genome", "from evoprune import operators", ["evoprune.operators"]),
        ("evoprune.genome", "def f():\n    from evoprune.algorithms import ring", ["evoprune.algorithms.ring"]),
        ("evoprune.genome", "from evoprune.__main__ import main", ["evoprune.__main__.main"]),
        ("evoprune.benchmarks", "from evoprune import estimators", ["evoprune.estimators"]),
        ("evoprune.benchmarks", "from evoprune import load", ["evoprune.load"]),
        ("evoprune.genome", "from evoprune.loading import load", ["evoprune.loading.load"]),
        ("evoprune.estimators", "from evoprune.benchmarks.pruning import run", []),
        ("evoprune.genome", "from .seeds import stream", [".seeds.stream"]),
        ("evoprune.genome", "from . import seeds", ["..seeds"]),
        ("evoprune.genome", "from evoprune.seeds import stream\nfrom deap import algorithms, benchmarks", []),
        ("evoprune.__main__", "from evoprune.benchmarks import presets", []),
        ("evoprune.operators.random", "import evoprune.benchmarks as b", ["evoprune.benchmarks"]),
        ("evoprune.operators.random", "from evoprune.operators.choice import drawn", []),
        ("evoprune.operators.random", "from operators import choice", ["operators.choice"]),
        ("evoprune.algorithms.spatial", "import benchmarks, operator", ["benchmarks"]),
        ("evoprune.algorithms.spatial", "from evoprune.operators import gated", []),
        ("evoprune.benchmarks", "from evoprune.algorithms import ring", []),
    ],
)
def test_the_checker_itself(module, source, expected):
    assert offences(module, source) == expected


@pytest.mark.parametrize("package", ["evoprune", *(f"evoprune.{folder}" for folder in FOLDERS)])
def test_public_names(package):
    module = importlib.import_module(package)
    assert module.__doc__
    assert list(module.__all__) == sorted(set(module.__all__))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
