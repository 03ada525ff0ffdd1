"""Same seed, same result: the bits do not depend on the engine or on the number of its workers."""

from pathlib import Path

import pytest

from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from tests.benchmarks.tiny import TINY
from tests.real import SMALL, Place, fingerprint, place

__all__ = ["place"]

RUN = ["-m", "evoprune", "run", *SMALL, "--generations", "5", "--output", "r", "--quiet"]
ENGINES = [("threads", 1), ("threads", 2), ("processes", 1), ("processes", 2), ("scoop", 1), ("scoop", 2)]
# Between them: every source of chance in a cell, optimizers with state, both shapes of a grid.
STATEFUL = "--operator variance --optimizer adam --topology torus --opponents random --corruption 0.2"
VARIANTS = {"default": [], "stateful": STATEFUL.split()}


@pytest.fixture(scope="module", params=VARIANTS, ids=str)
def serial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """The options of a variant, and what the serial engine makes of them."""
    options = VARIANTS[request.param]
    here = Place(tmp_path_factory.mktemp("serial"))
    assert here.run(*RUN, *options)[0] == 0
    return options, fingerprint(here.path / "r")


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "workers"), ENGINES)
def test_the_engine_does_not_change_a_bit(place: Place, serial, engine: str, workers: int):
    options, expected = serial
    assert place.run(*RUN, *options, "--engine", engine, "--workers", str(workers)) == (0, "", "")
    assert fingerprint(place.path / "r") == expected
    place.assert_empty()


def test_the_fingerprint_tells_runs_apart(tmp_path: Path):
    prints = []
    for name, seed in {"one": 1, "two": 1, "other": 2}.items():
        start(make_settings(TINY | {"seed": seed}), tmp_path / name)
        prints.append(fingerprint(tmp_path / name))
    one, two, other = prints
    assert one == two
    assert not {*one.values()} & {*other.values()}
