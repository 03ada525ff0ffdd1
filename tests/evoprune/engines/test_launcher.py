"""What the launcher does before and beside SCOOP; whole pools are in test_scoop_pool.py and test_faults_scoop.py."""

import contextlib
import signal
import socket
import subprocess
import sys

import pytest

from evoprune.__main__ import main
from evoprune.engines import launcher
from evoprune.engines.launcher import launch, read_hostfile
from evoprune.engines.lifeline import Register
from tests.real import wait_for


@pytest.fixture
def register():
    with contextlib.closing(Register("127.0.0.1")) as register:
        yield register


@pytest.fixture
def pool():
    """A process in place of SCOOP."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True, stdin=subprocess.DEVNULL
    )
    yield process
    process.kill()
    process.wait()


def test_hosts_and_their_workers(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("one 4\n\n  two.example 2 \none 1\n")
    assert read_hostfile(path) == {"one": 5, "two.example": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\n", "line 1: expected a host and its number of workers, got 'one'"),
        ("one 2\n# two 2\n", "line 2: expected"),
        ("one 0\n", "line 1: expected"),
        ("one many\n", "line 1: expected"),
        ("\n", "there is no host in this hostfile"),
    ],
)
def test_a_hostfile_that_is_none(tmp_path, text, message):
    path = tmp_path / "hosts"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        launch("program.py", [], hostfile=path)


def test_a_hostfile_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="cannot read this hostfile"):
        launch("program.py", [], hostfile=tmp_path / "hosts")


def test_other_hosts_have_to_reach_this_one(tmp_path, monkeypatch):
    path = tmp_path / "hosts"
    path.write_text("localhost 1\nelsewhere 1\n")
    monkeypatch.setattr(socket, "getfqdn", lambda: "localhost.localdomain")
    with pytest.raises(ValueError, match="cannot reach this one as localhost: give its external hostname"):
        launch("program.py", [], hostfile=path)


@pytest.mark.parametrize(
    ("workers", "places", "processes"), [(None, "one one one two two", 5), (2, "one one one two two", 3)]
)
def test_the_program_is_one_more_on_the_first_host(tmp_path, monkeypatch, workers, places, processes):
    """SCOOP fills the places in their order, so the workers stay where the hostfile says."""
    path = tmp_path / "hosts"
    path.write_text("one 2\ntwo 2\n")
    started: list[str] = []

    def stop(command: list[str], **_: object) -> None:
        started.extend(command)
        raise InterruptedError

    monkeypatch.setattr(subprocess, "Popen", stop)
    with pytest.raises(InterruptedError):
        launch("program.py", [], workers, path, external_hostname="one")
    assert started[started.index("--hosts") + 1 : started.index("--external-hostname")] == places.split()
    assert started[started.index("-n") + 1] == str(processes)


def test_at_least_one_worker():
    with pytest.raises(ValueError, match="workers must be"):
        launch("program.py", [], workers=0)


def test_a_worker_that_never_reports(register, pool, monkeypatch, capsys):
    monkeypatch.setattr(launcher, "START", 0.1)
    assert launcher._watch(pool, register, [], 2) == 1
    assert "error: only 0 of the pool's 2 processes have reported" in capsys.readouterr().err


def test_a_pool_that_ends_by_itself(register, pool, capsys):
    pool.kill()
    pool.wait()
    assert launcher._watch(pool, register, [], 2) == 1
    assert "error: SCOOP ended before the program; " in capsys.readouterr().err


@pytest.fixture
def members(register):
    """The lines of a worker and of the origin, in this order."""
    host, port, token = register.address("127.0.0.1").split(":")
    with contextlib.ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection((host, int(port)))) for _ in range(2)]
        for line, origin in zip(lines, ("false", "true"), strict=True):
            line.sendall(b'{"token": "%s", "origin": %s, "name": "7 on here"}\n' % (token.encode(), origin.encode()))
        while register.seen < 2:
            register.poll(1)
        yield lines


def test_a_program_that_fails_because_its_worker_died(register, pool, members, capsys):
    worker, origin = members
    worker.close()
    register.poll(1)
    origin.sendall(b'{"exit": 1}\n')
    assert launcher._watch(pool, register, [], 2) == 1
    assert "error: worker 7 on here died; " in capsys.readouterr().err


@pytest.mark.parametrize("code", [0, 1, 130])
def test_workers_that_end_because_the_program_has_ended(register, pool, members, capsys, code):
    """Even where more comes from the program at once than one look takes in."""
    worker, origin = members
    origin.sendall(b'{"out": "%s"}\n' % (b"x" * 200_000) + b'{"exit": %d}\n' % code)
    worker.close()
    assert launcher._watch(pool, register, [], 2) == code
    out, err = capsys.readouterr()
    assert (len(out), err) == (200_000, "")


def test_a_generation_that_does_not_end_after_a_signal(register, pool, monkeypatch, capsys):
    """The stand-in for the origin reports and then hears nothing."""
    monkeypatch.setattr(launcher, "PATIENCE", 0.5)
    host, port, token = register.address("127.0.0.1").split(":")
    with socket.create_connection((host, int(port))) as origin:
        origin.sendall(b'{"token": "%s", "origin": true, "name": "1 on here"}\n' % token.encode())
        while register.origin is None:
            register.poll(1)
        origin.settimeout(10)
        assert launcher._watch(pool, register, [signal.SIGTERM], 1) == 143
        assert origin.recv(100) == b"interrupt\n"
    assert "stopped at once; " in capsys.readouterr().err


def test_stop_ends_the_whole_session(tmp_path):
    """Also processes that hide in a group of their own and do not listen to SIGTERM; none gets to speak up."""
    code = (
        "import os, signal, subprocess, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: open({str(tmp_path / 'spoke')!r}, 'w').close())\n"
        "if len(sys.argv) == 1:\n"
        "    subprocess.Popen([sys.executable, __file__, 'child'], process_group=0)\n"
        "else:\n"
        f"    open({str(tmp_path / 'ready')!r}, 'w').close()\n"
        "time.sleep(60)\n"
    )
    script = tmp_path / "stubborn.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, script], start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        wait_for((tmp_path / "ready").exists, "the child")
        assert len(launcher._session(process.pid)) == 2
    finally:
        launcher._stop(process)
    assert launcher._session(process.pid) == []
    assert not (tmp_path / "spoke").exists()


def test_signals_are_collected_and_ignored_ones_stay_ignored(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with launcher._signals() as received:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("option", ["hostfile", "external-hostname"])
def test_hosts_are_for_scoop(option, capsys):
    assert main(["run", f"--{option}", "x", "--engine", "processes"]) == 2
    assert f"--{option} belongs to the scoop engine, got engine processes" in capsys.readouterr().err
