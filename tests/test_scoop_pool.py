"""SCOOP pools of every kind: started by evoprune, by hand, and over two hosts."""

import json
import os
import signal
import sys

import pytest

from tests.real import ROOT, SMALL, Place, end, fingerprint, place, wait_for

__all__ = ["place"]

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="SCOOP needs POSIX signals")]
RUN = ["run", *SMALL, "--generations", "5"]
MAIN = ROOT / "evoprune" / "__main__.py"

SSH = """#!/bin/sh
# Options as SCOOP gives them, a host, and a command for a shell there.
while [ "${1#-}" != "$1" ]; do shift; done
echo "$1" >> "$FAULTS/reached"
export REACHED="$1"
shift
case "$REACHED $*" in
    refused*) echo "ssh: connect to host refused port 22: Connection refused" >&2; exit 255 ;;
    sleepy*scoop.launch*) exec sleep 600 ;;
esac
exec sh -c "$*"
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory):
    here = Place(tmp_path_factory.mktemp("serial"))
    assert here.run("-m", "evoprune", *RUN, "--output", "r", "--quiet")[0] == 0
    return fingerprint(here.path / "r")


def test_json_is_all_that_is_printed(place: Place, expected: dict[str, str]):
    code, out, err = place.run("-m", "evoprune", *RUN, "--output", "r", "--engine", "scoop", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((place.path / "r/summary.json").read_text())
    assert fingerprint(place.path / "r") == expected
    place.assert_empty()


def test_the_table_and_the_directory_are_printed(place: Place):
    code, out, err = place.run("-m", "evoprune", *RUN, "--output", "a place", "--engine", "scoop", "--workers", "2")
    assert code == 0
    assert out.endswith("The tables, the model and the plots are in a place\n")
    assert "this run, best cell" in out
    assert "magnitude: 100%" in err


@pytest.mark.parametrize("words", ["run --operator randon", "resume nowhere", "run --workers 0"])
def test_a_mistake_starts_no_pool(place: Place, words: str):
    code, out, err = place.run("-m", "evoprune", *words.split(), "--engine", "scoop")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("size", ["1", "2", "3"])
def test_a_pool_started_by_hand_is_found(place: Place, expected: dict[str, str], size: str):
    """Its workers compute, and the origin where it is alone; what SCOOP prints is its own."""
    code, _, err = place.run("-m", "scoop", "-n", size, MAIN, *RUN, "--output", "r", "--quiet")
    assert code == 0, err
    assert "Traceback" not in err
    assert fingerprint(place.path / "r") == expected
    place.assert_empty()


AS_COMPLETED = """
import os
import sys
import time
from pathlib import Path
from evoprune.engines import WorkerError, make_engine

def work(seconds):
    time.sleep(seconds)
    return os.getpid()

def work_or_wait(what):
    while what == "wait" and not Path("others").exists():
        time.sleep(0.01)
    return work(0 if what == "wait" else what)

if __name__ == "__main__":
    with make_engine("scoop") as engine:
        if "alone" in sys.argv:
            Path("others").touch()
        ended = []
        for pair in engine.as_completed(work_or_wait, ["wait", 0, "no", 0, 0]):
            ended.append(pair)
            if len(ended) == 4:
                Path("others").touch()
        values = dict(ended)
        assert sorted(values) == [0, 1, 2, 3, 4]
        assert isinstance(values[2], WorkerError) and "TypeError" in str(values[2]), values[2]
        workers = {values[i] for i in (0, 1, 3, 4)}
        if "alone" in sys.argv:
            assert [i for i, _ in ended] == [0, 1, 2, 3, 4] and workers == {os.getpid()}, ended
        else:
            assert ended[-1][0] == 0 and os.getpid() not in workers, ended
        left = engine.as_completed(work, [0] * 8 + [600])  # six at most have been sent when the first is here
        next(left)
        left.close()
        assert engine.map(abs, [-1, -2, -3]) == [1, 2, 3]
        try:
            print("done", flush=True)
            if "wait" in sys.argv:
                list(engine.as_completed(work, [600]))
        except KeyboardInterrupt:
            print("interrupted")
"""
LAUNCH = "import sys; from evoprune.engines.launcher import launch; sys.exit(launch('script.py', sys.argv[1:]))"


@pytest.mark.parametrize("start", ["-m scoop -q -n 1 script.py alone", "-m scoop -q -n 3 script.py", "launched"])
def test_tasks_as_they_end(place: Place, start: str):
    """Neither an error nor a loop that is left early is in the way of others; the origin computes if it is alone."""
    (place.path / "script.py").write_text(AS_COMPLETED)
    code, out, err = place.run(*(["-c", LAUNCH] if start == "launched" else start.split()))
    assert (code, out) == (0, "done\n"), err
    place.assert_empty()


def test_ctrl_c_reaches_a_program_that_waits_for_its_tasks(place: Place):
    (place.path / "script.py").write_text(AS_COMPLETED)
    run = place.start("-c", LAUNCH, "wait")
    assert run.stdout is not None
    assert run.stdout.readline() == "done\n"
    run.send_signal(signal.SIGINT)
    assert end(run) == (0, "interrupted\n", "")
    place.assert_empty()


@pytest.fixture
def two_hosts(place: Place) -> list[str]:
    """Options for two addresses of this machine; SCOOP reaches them by an ssh that is a script and asks nobody."""
    return with_hosts(place, "127.0.0.1 1\n127.0.0.2 1\n")


def with_hosts(place: Place, hosts: str) -> list[str]:
    ssh = place.path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    place.environment["PATH"] = f"{ssh.parent}:{os.environ['PATH']}"
    (place.path / "hosts.txt").write_text(hosts)
    return ["--engine", "scoop", "--hostfile", "hosts.txt", "--external-hostname", "127.0.0.3"]


def test_two_hosts(place: Place, expected: dict[str, str], two_hosts: list[str]):
    code, out, err = place.run("-m", "evoprune", *RUN, "--output", "r", *two_hosts, "--json")
    assert code == 0, err
    assert json.loads(out)["generations"] == 5
    # Once to be asked, once to work; this machine needs no ssh.
    assert (place.path / "reached").read_text().split() == ["127.0.0.2"] * 2
    assert fingerprint(place.path / "r") == expected
    place.assert_empty()


def test_a_worker_on_another_host_is_killed(place: Place, two_hosts: list[str]):
    run = place.start("-m", "evoprune", *RUN, "--generations", "5000", "--output", "r", *two_hosts, "--quiet")
    place.reach(2)
    wait_for(lambda: len(place.workers("scoop")) == 2, "both workers")
    here, worker = sorted(place.workers("scoop"), key=lambda worker: worker.environ().get("REACHED", ""))
    assert (here.environ().get("REACHED"), worker.environ()["REACHED"]) == (None, "127.0.0.2")
    worker.kill()
    code, out, err = end(run)
    assert (code, out) == (1, "")
    assert f"error: worker {worker.pid} on " in err
    place.assert_empty()


def test_names_of_this_machine_need_no_ssh(place: Place, expected: dict[str, str]):
    options = with_hosts(place, "localhost 1\n127.0.0.1 1\n")[:-2]
    assert place.run("-m", "evoprune", *RUN, "--output", "r", *options, "--quiet") == (0, "", "")
    assert fingerprint(place.path / "r") == expected
    assert not (place.path / "reached").exists()


@pytest.mark.parametrize("hosts", ["127.0.0.1 1\nrefused 1\n127.0.0.2 1\n", "refused 1\n"])
def test_a_host_that_refuses(place: Place, hosts: str):
    """Nothing is computed and nothing written."""
    code, out, err = place.run("-m", "evoprune", *RUN, "--output", "r", *with_hosts(place, hosts))
    assert (code, out) == (1, "")
    assert err == (
        "evoprune: error: cannot use refused: ssh: connect to host refused port 22: Connection refused; "
        "--allow-missing-hosts goes on without it\n"
    )
    assert not (place.path / "r").exists()
    place.assert_empty()


def test_a_run_without_the_host_that_refuses(place: Place, expected: dict[str, str]):
    options = with_hosts(place, "127.0.0.1 1\nrefused 1\n127.0.0.2 1\n")
    options += ["--allow-missing-hosts", "--workers", "3", "--quiet"]
    code, out, err = place.run("-m", "evoprune", *RUN, "--output", "r", *options)
    assert (code, out) == (0, "")
    assert err == (
        "evoprune: warning: going on without refused: ssh: connect to host refused port 22: Connection refused\n"
    )
    found = fingerprint(place.path / "r")
    assert all(found[name] == expected[name] for name in ("grid", "log.csv", "cells.csv"))
    place.assert_empty()


SHORTFALL = """
from evoprune.engines import make_engine, shortfall

def lacks(_):
    return shortfall()

if __name__ == "__main__":
    with make_engine("scoop", 3) as engine:
        print(engine.workers, shortfall(), engine.map(lacks, [0, 1]))
"""


@pytest.mark.parametrize("hosts", ["127.0.0.1 1\nrefused 1\n127.0.0.2 1\n", "refused 2\n127.0.0.2 1\n"])
def test_a_program_learns_what_its_pool_lacks(place: Place, hosts: str):
    """Also where it moves to another host."""
    with_hosts(place, hosts)
    (place.path / "script.py").write_text(SHORTFALL)
    arguments = "'script.py', [], hostfile='hosts.txt', external_hostname='127.0.0.3', allow_missing_hosts=True"
    code, out, err = place.run("-c", LAUNCH.replace("'script.py', sys.argv[1:]", arguments))
    workers = 2 if hosts.startswith("127") else 1
    assert out == f"{workers} { {'workers': workers, 'missing_hosts': ['refused']} } [{{}}, {{}}]\n", err
    assert code == 0
    place.assert_empty()


def test_a_signal_before_the_start(place: Place):
    """A host that answers and then starts no worker: the program does not begin."""
    hosts = with_hosts(place, "127.0.0.1 1\nsleepy 1\n")
    run = place.start("-m", "evoprune", *RUN, "--output", "r", *hosts)
    wait_for(lambda: len(place.processes("scoop.bootstrap")) == 2, "the origin and its neighbour")
    run.send_signal(signal.SIGTERM)
    assert end(run) == (143, "", "evoprune: stopped before the start; nothing is kept\n")
    assert not (place.path / "r").exists()
    place.assert_empty()
