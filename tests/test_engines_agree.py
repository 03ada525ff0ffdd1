"""Same seed, same result: the bits do not depend on the engine or on the number of its workers."""

from pathlib import Path

import pytest

from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.engines import ThreadEngine
from tests.benchmarks.architectures.small import SMALL as SEARCH
from tests.benchmarks.tiny import TINY
from tests.benchmarks.weights.tiny import TINY as WEIGHTS
from tests.real import SMALL, Place, fingerprint, place

__all__ = ["place"]

RUN = ["-m", "evoprune", "run", *SMALL, "--generations", "5", "--output", "r", "--quiet"]
LAYERS = {"run": TINY | {"chunk": 1}, "weights": WEIGHTS | {"chunk": 1}, "architectures": SEARCH}
ENGINES = [("threads", 1), ("threads", 2), ("processes", 1), ("processes", 2), ("scoop", 1), ("scoop", 2)]
# Between them: every source of chance in a cell, optimizers with state, both shapes of a grid.
STATEFUL = "--operator variance --optimizer adam --topology torus --opponents random --corruption 0.2"
CHOOSING = "--operator activation+random --operator-choice pursuit --course cubic --regrow gradient --l1 0.1"
VARIANTS = {"default": [], "stateful": STATEFUL.split(), "choosing": [*CHOOSING.split(), "--target-preserved", "0.4"]}


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


@pytest.mark.parametrize("name", LAYERS)
def test_threads_do_not_change_a_bit_of_any_experiment(name: str):
    experiment = EXPERIMENTS[name]
    settings = experiment.make_settings(LAYERS[name])
    serial = experiment.start(settings)
    with ThreadEngine(2) as engine:
        threads = experiment.start(settings, engine=engine)
    assert serial.model == threads.model
    assert serial.log.equals(threads.log)
    assert serial.summary | {"seconds": 0} == threads.summary | {"seconds": 0}


def test_the_fingerprint_tells_runs_apart(tmp_path: Path):
    prints = []
    for name, seed in {"one": 1, "two": 1, "other": 2}.items():
        start(make_settings(TINY | {"seed": seed}), tmp_path / name)
        prints.append(fingerprint(tmp_path / name))
    one, two, other = prints
    assert one == two
    assert not {*one.values()} & {*other.values()}
