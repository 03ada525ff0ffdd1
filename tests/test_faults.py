"""Faults of every local engine: the right result, or a clear error and a resume that leads to it."""

import os
import re
import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.real import FAULTY, Place, end, fingerprint, place, wait_for

__all__ = ["place"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals")]
PROCESSES = ["--engine", "processes", "--workers", "2"]
ENGINES = {"serial": [], "threads": ["--engine", "threads", "--workers", "2"], "processes": PROCESSES}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory):
    """What the run leads to where nothing happens."""
    here = Place(tmp_path_factory.mktemp("undisturbed"))
    assert end(here.faulty(*FAULTY, "--output", "r"))[0] == 0
    return fingerprint(here.path / "r")


def assert_resumes(place: Place, expected: dict[str, str], *options: str) -> None:
    place.order("")
    assert end(place.faulty("resume", "r", *options)) == (0, "", "")
    assert fingerprint(place.path / "r") == expected
    place.assert_empty()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", ENGINES.values(), ids=ENGINES)
def test_a_signal_ends_the_generation_and_keeps_a_checkpoint(
    place: Place, expected: dict[str, str], options: list[str], number: signal.Signals
):
    run = place.hold(0, *FAULTY, *options, "--checkpoint-every", "1000")
    os.killpg(run.pid, signal.SIGINT) if number == signal.SIGINT else run.send_signal(number)
    place.interrupted()
    place.order("")
    code, out, err = end(run)
    assert (code, out, err) == (130, "", "evoprune: interrupted; continue with: evoprune resume r\n")
    place.assert_empty()
    assert place.generation() < 12
    assert end(place.faulty("resume", "r", *options)) == (0, "", "")
    # checkpoint_every is a setting and no part of the result.
    assert fingerprint(place.path / "r") == expected


@pytest.mark.parametrize("options", ENGINES.values(), ids=ENGINES)
def test_killed_in_the_middle(place: Place, expected: dict[str, str], options: list[str]):
    """No worker outlives the main process, and what the last checkpoint holds is enough."""
    run = place.hold(2, *FAULTY, *options)
    run.kill()
    place.assert_empty()
    assert_resumes(place, expected, *options)


@pytest.mark.parametrize("options", ENGINES.values(), ids=ENGINES)
def test_a_task_that_raises(place: Place, expected: dict[str, str], options: list[str]):
    run = place.hold(2, *FAULTY, *options)
    place.order("raise")
    code, out, err = end(run)
    assert (code, out) == (1, "")
    assert err.startswith("evoprune: error: a task failed")
    assert "in mutFaulty" in err
    assert "ArithmeticError: as ordered" in err, err
    place.assert_empty()
    assert_resumes(place, expected, *options)


def test_a_busy_worker_is_killed(place: Place, expected: dict[str, str]):
    """Its task is done again."""
    run = place.hold(2, *FAULTY, *PROCESSES)
    place.busy_worker("processes").kill()
    place.order("")
    assert end(run) == (0, "", "")
    assert fingerprint(place.path / "r") == expected
    place.assert_empty()


def test_an_idle_worker_is_killed(place: Place):
    """With four cells there is one task a generation, and one of the workers has none."""
    few = [*FAULTY, "--cells", "4"]
    assert end(place.faulty(*few, "--output", "serial"))[0] == 0
    run = place.hold(2, *few, *PROCESSES)
    busy = place.busy_worker("processes")
    wait_for(lambda: len(place.workers("processes")) == 2, "both workers")
    for worker in place.workers("processes"):
        if worker.pid != busy.pid:
            worker.kill()
    place.order("")
    assert end(run) == (0, "", "")
    assert fingerprint(place.path / "r") == fingerprint(place.path / "serial")
    place.assert_empty()


def test_a_task_that_always_kills_its_worker(place: Place, expected: dict[str, str]):
    run = place.hold(2, *FAULTY, *PROCESSES)
    place.order("kill")
    code, out, err = end(run)
    assert (code, out) == (1, "")
    # Whichever of the tasks that ran together.
    assert re.fullmatch(r"evoprune: error: a worker process died 3 times at tasks \[\d\] .*\n", err), err
    place.assert_empty()
    assert_resumes(place, expected, *PROCESSES)


def test_the_disk_is_full(place: Place, expected: dict[str, str], tmp_path: Path):
    """A file may grow to so many bytes only: later checkpoints do not fit, and the last one that did stays good."""
    assert end(place.faulty(*FAULTY, "--generations", "2", "--output", "r"))[0] == 0
    limit = max(path.stat().st_size for path in (tmp_path / "r").glob("c*"))

    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit + 2000, limit + 2000))

    run = place.faulty(*FAULTY, "--output", "r", "--force", preexec_fn=small_disk)
    code, out, err = end(run)
    assert (code, out) == (1, "")
    assert err.startswith(
        "evoprune: error: r/checkpoint.pt: File too large; the last checkpoint is intact; continue with: "
    )
    assert 1 <= place.generation() < 12
    assert not list((tmp_path / "r").glob(".*"))
    assert_resumes(place, expected)
