"""What gets installed is what the checkout shows."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import evoprune

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("algorithms", "benchmarks", "operators")
C = ROOT / "evoprune" / "training" / "c"


@pytest.fixture
def arguments(monkeypatch):
    """The arguments that setup.py gives to setuptools."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    runpy.run_path(str(ROOT / "setup.py"))
    return given


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def test_one_version(arguments):
    assert arguments["version"] == evoprune.__version__
    assert f"\nversion: {evoprune.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {evoprune.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_installed_version_is_the_checkout():
    try:
        installed = metadata.version("evoprune")
    except metadata.PackageNotFoundError:
        pytest.skip("runs from a checkout without an install")
    assert installed == evoprune.__version__


def test_every_package_is_listed_once(arguments):
    expected = {"evoprune", "evoprune.engines", "evoprune.runs", "evoprune.shrinking", "evoprune.training"}
    for folder in FOLDERS:
        for init in (ROOT / folder).rglob("__init__.py"):
            expected.add(".".join(("evoprune", *init.parent.relative_to(ROOT).parts)))
    assert sorted(arguments["packages"]) == sorted(expected)


@pytest.mark.skipif((ROOT / "PKG-INFO").exists(), reason="an sdist holds no links")
@pytest.mark.parametrize("folder", FOLDERS)
def test_folders_are_linked(folder):
    link = ROOT / "evoprune" / folder
    if link.is_file():
        pytest.skip("links are switched off in this checkout")
    assert link.is_symlink()
    assert link.readlink() == Path("..", folder)
    assert link.resolve() == ROOT / folder


def test_marked_as_typed(arguments):
    assert (ROOT / "evoprune" / "py.typed").is_file()
    assert "py.typed" in arguments["package_data"]["evoprune"]


def test_constraints_are_exact_and_portable():
    assert pins()["torch"] == "2.13.0"
    for name, version in pins().items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        assert re.fullmatch(r"[0-9][0-9A-Za-z.]*", version), f"{name} is pinned to a local build"


def test_constraints_pin_every_requirement_within_its_range(arguments):
    pinned = {canonicalize_name(name): version for name, version in pins().items()}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    for text in chain(arguments["install_requires"], *arguments["extras_require"].values(), build):
        requirement = Requirement(text)
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier


def test_a_kernel_is_built_for_every_machine_and_is_no_condition(arguments):
    (kernel,) = arguments["ext_modules"]
    assert kernel.optional
    assert kernel.py_limited_api
    assert not [flag for flag in kernel.extra_compile_args if flag.startswith("-m")]  # -march=native and the like
    assert {path.name for path in C.glob("*.c")} == {Path(source).name for source in kernel.sources}
    assert {path.name for path in C.iterdir()} == {Path(source).name for source in kernel.depends}


def built(place: Path, *kinds: str, links: bool = True, **environment: str) -> Path:
    """The folder of what was built from the sources, which must not need more than they are."""
    source = place / "source"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignored = shutil.ignore_patterns("__pycache__", "*.so")
    for folder in ("evoprune", *FOLDERS):
        shutil.copytree(ROOT / folder, source / folder, symlinks=True, ignore=ignored)
        if not links:
            (source / "evoprune" / folder).unlink(missing_ok=True)

    command = [sys.executable, "-m", "build", *kinds, "--no-isolation", "--outdir", str(place), str(source)]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return place


def expected_files() -> list[str]:
    """What an install has, without the library."""
    sources = [path for folder in ("evoprune", *FOLDERS) for path in (ROOT / folder).rglob("*.py*")]
    sources += (ROOT / "benchmarks").rglob("*.html")  # the report's template
    sources += C.iterdir()
    modules = [path.relative_to(ROOT) for path in sources if path.suffix in (".py", ".pyi", ".html", ".c", ".h")]
    places = [path.as_posix() if path.parts[0] == "evoprune" else f"evoprune/{path.as_posix()}" for path in modules]
    return [*places, "evoprune/py.typed"]


@pytest.mark.slow
@pytest.mark.parametrize("links", [True, False])
def test_wheel_holds_each_file_once(tmp_path, links):
    (wheel,) = built(tmp_path, "--wheel", links=links).glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    library = ["evoprune/training/_kernel.abi3.so"] * (shutil.which("cc") is not None)
    assert sorted(names) == sorted([*expected_files(), *library])
    assert "-cp311-abi3-" in wheel.name


@pytest.mark.slow
def test_sdist_holds_the_c_sources_once(tmp_path):
    (sdist,) = built(tmp_path, "--sdist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        found = [Path(name).name for name in archive.getnames() if Path(name).suffix in (".c", ".h", ".so")]
    assert sorted(found) == sorted(path.name for path in C.iterdir())


@pytest.mark.slow
def test_a_compiler_that_fails_leaves_out_the_kernel_alone(tmp_path):
    (wheel,) = built(tmp_path, "--wheel", CC="false").glob("*.whl")
    place = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(place)
    program = (
        "from evoprune.training import native, kernel\n"
        "print(native.__file__, kernel.kernel_for('auto'), native.missing(), sep='\\n')"
    )
    elsewhere = [path for path in sys.path if path and Path(path) != ROOT]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(place), *elsewhere])}
    # -S: an editable install of this checkout would have its library.
    command = [sys.executable, "-S", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    file, kernel, missing = result.stdout.splitlines()
    assert Path(file).is_relative_to(place)
    assert kernel == "torch"
    assert missing.startswith("it was not built")
