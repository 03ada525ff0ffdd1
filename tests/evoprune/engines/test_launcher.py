"""What the launcher does beside SCOOP; whole pools are in test_scoop_pool.py and test_faults_scoop.py."""

import contextlib
import signal
import socket
import subprocess
import sys

import pytest

from evoprune.engines import launcher
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
        register.close()
        with origin.makefile("rb") as lines:
            assert list(lines) == [b"begin {}\n", b"interrupt\n"]
    assert "stopped at once; " in capsys.readouterr().err


def test_the_program_waits_for_every_worker(register, pool, monkeypatch, capsys):
    """With some of them it would compute until somebody notices."""
    monkeypatch.setattr(launcher, "START", 0.1)
    host, port, token = register.address("127.0.0.1").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as origin:
        origin.sendall(b'{"token": "%s", "origin": true, "name": "1 on here"}\n' % token.encode())
        while register.origin is None:
            register.poll(1)
        assert launcher._watch(pool, register, [], 2) == 1
        register.close()
        assert origin.recv(100) == b""
    assert "error: only 1 of the pool's 2 processes have reported" in capsys.readouterr().err


def test_the_lines_are_closed_when_nobody_is_left(register, monkeypatch):
    """Who is only starting would find no line, and say so behind our last words."""
    pools: list[subprocess.Popen[bytes]] = []

    class Pool(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            pools.append(self)

    ended = []
    monkeypatch.setattr(launcher.subprocess, "Popen", Pool)
    monkeypatch.setattr(register, "close", lambda: ended.append(pools[0].returncode))
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert launcher._run(command, register, [signal.SIGTERM], 2) == 143
    assert ended[0] == -signal.SIGKILL


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
