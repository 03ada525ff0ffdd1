"""Arrows go one way: evoprune <- operators <- algorithms <- benchmarks <- __main__."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("operators", "algorithms", "benchmarks")
HEIGHTS = {"operators": 1, "algorithms": 2, "benchmarks": 3, "__main__": 4}

GROUND_FLOOR = {f"evoprune.{path.stem}": path for path in (ROOT / "evoprune").glob("*.py")}
UPPER_FLOORS = {
    f"evoprune.{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}": path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
}
MODULES = GROUND_FLOOR | UPPER_FLOORS
SCRIPTS = [path for folder in ("tests", "docs") for path in (ROOT / folder).rglob("*.py")]


def imports(source: str) -> list[str]:
    """Dotted names that a source imports, at any depth; a relative import starts with its dots."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            found += [f"{origin}.{alias.name}" for alias in node.names]
    return found


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
    assert offences(name, MODULES[name].read_text(encoding="utf-8")) == []


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


def lint_order(name: str) -> tuple[int, str]:
    """The order of ruff's RUF022: CONSTANTS, then Classes, then functions."""
    constant = name.isupper() and len(name) > 1
    return (0 if constant else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("package", ["evoprune", *(f"evoprune.{folder}" for folder in FOLDERS)])
def test_public_names(package):
    module = importlib.import_module(package)
    assert module.__doc__
    assert list(module.__all__) == sorted(set(module.__all__), key=lint_order)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
