"""Command lines that are wrong by construction: one line that names what is wrong, no work, nothing written."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings, strategies as st
from PIL import Image

from tests import forked
from tests.fuzz.options import COMMANDS, assignments_wrong, axes_wrong, line_with, options_of, options_wrong, toml_wrong
from tests.fuzz.places import WRONG, places_wrong

CASES = int(os.environ.get("EVOPRUNE_FUZZ_CASES", "5000"))
SEED = int(os.environ.get("EVOPRUNE_FUZZ_SEED", "0"))
LONGEST = 600
"""Characters of an error."""
SECONDS = 1.0
"""CPU time of a case."""
SHARES = {"options": 0.48, "places": 0.13, "assignments": 0.08, "toml": 0.22, "axes": 0.09}
"""Kind of cases -> how many of all they are; of wrong places there are no more than some hundred."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good runs to be read: a study and an ended run with a model of images; made by children, as all that is warm."""
    place = tmp_path_factory.mktemp("good")
    tiny = [
        "--generations",
        "1",
        "--cells",
        "2",
        "--network",
        "6-3",
        "--benchmark",
        "digits",
        "--checkpoint-every",
        "1",
    ]
    study = ["sweep", "--grid", "operator=random,none", "--trials", "1", *tiny[:-2], "--output", "study", "--quiet"]
    Image.new("L", (8, 8), 99).save(place / "a.png")
    model = ["run", *tiny, "--no-compare", "--output", "model", "--quiet"]
    forked.warm(place, model, study, ["report", "study", "--output", "report", "--quiet"], ["list"])
    shutil.copytree(place / "model", place / "begun")
    (place / "begun" / "summary.json").unlink()
    return place


def check(line: list[str], blame: list[str], folder: Path, good: Path) -> None:
    """Run a wrong command line and see that it ends as it should."""
    line = [part.replace("{good}", str(good)) for part in line]
    before = [snapshot(folder), snapshot(good)]

    def limits() -> None:
        forked.little_memory()
        forked.little_time()

    done = forked.evoprune(*line, here=folder, before=limits)
    content = [path.read_bytes()[:200] for path in folder.glob("*.toml")]
    said = [part[:200] for part in line]
    shown = f"\n{said} {content}\n{done.code} {done.seconds:.2f} s\n{done.out[:2000]}\n{done.err[:3000]}"
    assert done.code == 2, shown
    assert done.out == "", shown
    *warnings, error = done.err.splitlines() or [""]
    assert done.err.endswith("\n"), shown
    assert all(warning.startswith("evoprune: warning: ") for warning in warnings), shown
    assert error.startswith("evoprune: error: "), shown
    assert len(error) <= LONGEST, shown
    assert error.isprintable(), shown
    assert any(name in error for name in blame), f"{blame}{shown}"
    assert done.seconds < SECONDS, shown
    assert [snapshot(folder), snapshot(good)] == before, shown


def snapshot(folder: Path) -> dict[str, str]:
    """All that is in a folder: path -> content or target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        target = os.readlink(path) if path.is_symlink() else ""
        found[str(path)] = target or (_content(path) if path.is_file() else "directory")
    return found


def _content(path: Path) -> str:
    with path.open("rb") as file:  # some are of gigabytes, with nothing in them
        return f"{path.stat().st_size} {hashlib.sha256(file.read(10**7)).hexdigest()}"


class Fresh:
    """An empty folder that goes with the block."""

    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp())
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path)


def check_line(case: tuple[list[str], list[str]], good: Path) -> None:
    with Fresh() as folder:
        check(*case, folder, good)


def check_toml(case: tuple[list[str], list[str], bytes], good: Path) -> None:
    line, blame, content = case
    with Fresh() as folder:
        (folder / "wrong.toml").write_bytes(content)
        check(line, blame, folder, good)


def check_place(name: str, good: Path) -> None:
    with Fresh() as folder:
        line, blame = WRONG[name](folder, good)
        check(line, blame, folder, good)


KINDS: dict[str, tuple[Any, Any]] = {
    "options": (options_wrong(), check_line),
    "places": (places_wrong, check_place),
    "assignments": (assignments_wrong(), check_line),
    "toml": (toml_wrong(), check_toml),
    "axes": (axes_wrong(), check_line),
}


@pytest.mark.parametrize("kind", KINDS)
def test_some_of_every_kind(kind: str, good: Path):
    strategy, check_case = KINDS[kind]

    @settings(max_examples=int(140 * SHARES[kind]))
    @given(strategy)
    def some(case):
        check_case(case, good)

    some()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_every_kind(kind: str, good: Path):
    strategy, check_case = KINDS[kind]
    number = max(1, int(CASES * SHARES[kind]))

    @seed(SEED)
    @settings(max_examples=number, derandomize=False, database=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def many(case):
        check_case(case, good)

    many()


@pytest.mark.parametrize(
    "command",  # some have the options of a run, and few of their own
    [pytest.param(command, marks=[pytest.mark.slow] * (command in ("sweep", "frontier"))) for command in COMMANDS],
)
def test_every_option_once(command: str, good: Path):
    @settings(max_examples=1)
    @given(st.data())
    def once(data):
        for option in options_of(command):
            check_line(line_with(option, data.draw(option.wrong)), good)

    once()
