"""Faults of a SCOOP pool that evoprune started: a clear error in bounded time, nothing left behind, and resume."""

import signal
import sys

import pytest

from tests.real import FAULTY, Place, end, fingerprint, place

__all__ = ["place"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="SCOOP needs POSIX signals")]
SCOOP = ["--engine", "scoop"]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory):
    """What the run leads to in the serial engine."""
    here = Place(tmp_path_factory.mktemp("undisturbed"))
    assert end(here.faulty(*FAULTY, "--output", "r"))[0] == 0
    return fingerprint(here.path / "r")


def assert_resumes(place: Place, expected: dict[str, str]) -> None:
    """In the serial engine, to save time; that SCOOP resumes too is a test of its own."""
    place.order("")
    assert end(place.faulty("resume", "r")) == (0, "", "")
    assert fingerprint(place.path / "r") == expected


def begin(place: Place, *options: str):
    """A run that waits after its second generation."""
    return place.hold(2, *FAULTY, *options, *SCOOP)


def assert_failed(run, what: str) -> None:
    code, out, err = end(run)
    assert (code, out) == (1, "")
    assert what in err
    assert err.startswith("evoprune: error: ")
    assert err.endswith("continue with evoprune resume\n")
    assert len(err.splitlines()) == 1


def test_undisturbed(place: Place, expected: dict[str, str]):
    """With an operator that only the program knows."""
    run = begin(place)
    place.busy_worker("scoop")
    place.order("")
    assert end(run) == (0, "", "")
    assert fingerprint(place.path / "r") == expected
    place.assert_empty()


def test_a_busy_worker_is_killed(place: Place, expected: dict[str, str]):
    run = begin(place)
    worker = place.busy_worker("scoop")
    worker.kill()
    assert_failed(run, f"worker {worker.pid} on ")
    place.assert_empty()
    assert_resumes(place, expected)


def test_an_idle_worker_is_killed_and_scoop_resumes(place: Place):
    """With four cells there is one task a generation, and one of the workers has none."""
    few = [*FAULTY, "--cells", "4"]
    assert end(place.faulty(*few, "--output", "serial"))[0] == 0
    run = begin(place, "--cells", "4")
    busy = place.busy_worker("scoop")
    (idle,) = [worker for worker in place.workers("scoop") if worker.pid != busy.pid]
    idle.kill()
    assert_failed(run, f"worker {idle.pid} on ")
    place.assert_empty()
    place.order("")
    assert end(place.faulty("resume", "r", *SCOOP)) == (0, "", "")
    assert fingerprint(place.path / "r") == fingerprint(place.path / "serial")
    place.assert_empty()


def test_a_task_that_always_kills_its_worker(place: Place, expected: dict[str, str]):
    run = begin(place)
    place.order("kill")
    assert_failed(run, " died; ")
    place.assert_empty()
    assert_resumes(place, expected)


def test_a_task_that_raises(place: Place, expected: dict[str, str]):
    run = begin(place)
    place.order("raise")
    code, out, err = end(run)
    assert (code, out) == (1, "")
    assert err.startswith("evoprune: error: a task failed in a worker:\nTraceback")
    assert "in mutFaulty" in err
    assert err.endswith("ArithmeticError: as ordered\n\n")
    place.assert_empty()
    assert_resumes(place, expected)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_generation_and_keeps_a_checkpoint(
    place: Place, expected: dict[str, str], number: signal.Signals
):
    run = begin(place)
    run.send_signal(number)
    place.interrupted()
    place.order("")
    assert end(run) == (130, "", "evoprune: interrupted; continue with: evoprune resume r\n")
    place.assert_empty()
    assert_resumes(place, expected)


def test_a_second_signal_stops_at_once(place: Place, expected: dict[str, str]):
    run = begin(place)
    run.send_signal(signal.SIGINT)
    place.interrupted()
    assert run.poll() is None  # the generation would never end: its tasks wait
    run.send_signal(signal.SIGTERM)
    code, out, err = end(run)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1].startswith("evoprune: stopped at once; ")
    place.assert_empty()
    assert_resumes(place, expected)


def test_the_origin_is_killed(place: Place, expected: dict[str, str]):
    run = begin(place)
    origin = place.origin()
    origin.kill()
    assert_failed(run, f"the main process {origin.pid} on ")
    place.assert_empty()
    assert_resumes(place, expected)


def test_the_launcher_is_killed(place: Place, expected: dict[str, str]):
    """Then the lines of all processes break, and they end themselves."""
    run = begin(place)
    assert len(place.workers("scoop")) == 2
    run.kill()
    place.assert_empty()
    assert_resumes(place, expected)
