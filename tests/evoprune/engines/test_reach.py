"""Hosts are asked before SCOOP starts, by an ssh that is a script here and asks nobody."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from evoprune.engines import reach
from evoprune.engines.probe import problem
from evoprune.engines.reach import missing

pytestmark = [pytest.mark.processes, pytest.mark.skipif(sys.platform == "win32", reason="ssh is a shell script")]

SSH = """#!/bin/sh
options="$*"
while [ "${1#-}" != "$1" ]; do shift; done
host="$1"
shift
echo "$options" > "$ASKED/$host"
echo "Warning: Permanently added '$host' (ED25519) to the list of known hosts." >&2
case "$host" in
    good) sh -c "$*"; code=$?; echo "Connection to good closed." >&2; exit $code ;;
    quiet) exit 3 ;;
    refused) echo "ssh: connect to host refused port 22: Connection refused" >&2; exit 255 ;;
    unknown) echo "ssh: Could not resolve hostname unknown: Name or service not known" >&2; exit 255 ;;
    denied) printf "Welcome!\\n\\033[31mme@denied: Permission denied (publickey).\\r\\n" >&2; exit 255 ;;
    wrong) sh -c "/nowhere/bin/python -m evoprune.engines.probe" ;;
    noisy) yes "no good" | head -n 100000; exit 1 ;;
    background) sleep 600 & echo $! > "$ASKED/left"; exit 0 ;;
    silent) sleep 600 ;;
esac
"""


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Ask hosts, and give what is wrong with each; this machine listens at a port."""
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    monkeypatch.setenv("ASKED", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        yield lambda *hosts, files=(__file__,): missing(hosts, ("127.0.0.1", port), files)
    if (tmp_path / "left").exists():
        os.kill(int((tmp_path / "left").read_text()), signal.SIGKILL)


def test_a_good_host_and_bad_ones(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "DEADLINE", 60)
    assert ask("refused", "good", "unknown", "denied", "wrong", "quiet", "noisy", "background") == {
        "refused": "ssh: connect to host refused port 22: Connection refused",
        "unknown": "ssh: Could not resolve hostname unknown: Name or service not known",
        "denied": "[31mme@denied: Permission denied (publickey).",
        "wrong": WRONG,
        "quiet": "ssh ended with exit code 3 and no word",
        "noisy": "no good",
    }
    options = (tmp_path / "good").read_text().split()
    assert {"-tt", "-oBatchMode=yes", "-oConnectTimeout=8"} < set(options)


class AnyOf:
    """What shells say where there is no such program."""

    def __eq__(self, other: object) -> bool:
        return "/nowhere/bin/python" in str(other) and "not found" in str(other)


WRONG = AnyOf()


def test_a_host_that_never_answers(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "DEADLINE", 0.5)
    assert ask("silent") == {"silent": "no answer within 0.5 s"}


def test_without_ssh(ask, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert ask("good") == {"good": "cannot start ssh: No such file or directory"}


def test_a_file_that_is_not_there(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "DEADLINE", 60)
    assert ask("good", files=(__file__, "no where.py")) == {"good": "no where.py: No such file or directory"}


def test_a_directory_that_ssh_cannot_carry(ask, tmp_path, monkeypatch):
    """SCOOP writes it between quotes, where a shell looks for dollar signs."""
    monkeypatch.setattr(reach, "DEADLINE", 60)
    place = tmp_path / "a $PLACE"
    place.mkdir()
    monkeypatch.chdir(place)
    assert ask("good") == {"good": f"{tmp_path}/a : No such file or directory"}


def test_another_environment(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(reach, "DEADLINE", 60)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evoprune").mkdir()
    (tmp_path / "evoprune" / "__init__.py").write_text("raise ImportError('made for another Python')")
    assert "ImportError: made for another Python" in ask("good")["good"]


def test_a_host_that_cannot_reach_this_one(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert problem(str(tmp_path), "127.0.0.1", port, __file__) is None
    said = problem(str(tmp_path), "127.0.0.1", port)
    assert said == f"it cannot reach this machine as 127.0.0.1, port {port}: Connection refused"
