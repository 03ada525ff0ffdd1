"""Both ends of the line between the launcher and a process of its pool."""

import contextlib
import socket
import subprocess
import sys

import pytest

from evoprune.engines.lifeline import LONGEST_GREETING, Register
from tests.real import HANG, wait_for

# Imports only what it needs, torch not among it, so that these tests are quick.
MEMBER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("lifeline", {path!r})
lifeline = importlib.util.module_from_spec(spec)
sys.modules["lifeline"] = lifeline
spec.loader.exec_module(lifeline)
line = lifeline.hold(sys.argv[1], origin=True)
try:
    line.listen()
    {body}
except KeyboardInterrupt:
    line.send(exit=7)
    time.sleep(60)
"""


@pytest.fixture
def register():
    with contextlib.closing(Register("127.0.0.1")) as register:
        yield register


@pytest.fixture
def member(register):
    """Start a process with a line that does something."""
    from evoprune.engines import lifeline

    started = []

    def start(body: str) -> subprocess.Popen:
        code = MEMBER.format(path=lifeline.__file__, body=body)
        process = subprocess.Popen([sys.executable, "-c", code, register.address("127.0.0.1")])
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def poll(register: Register, condition) -> None:
    """Poll until a condition holds."""

    def polled() -> object:
        register.poll(0.1)
        return condition()

    wait_for(polled, "what the other end says")


def test_a_process_reports_prints_and_ends(register, member, capsys):
    process = member("print('a\\nline', file=lifeline.Output(line)); line.send(exit=3)")
    poll(register, lambda: register.exit_code is not None)
    process.wait()
    register.poll(1)
    assert (register.seen, register.lost) == (1, [])
    assert register.origin.name == f"{process.pid} on {socket.gethostname()}"
    assert register.exit_code == 3
    assert capsys.readouterr().out == "a\nline\n"


def test_a_process_that_is_killed_is_lost(register, member):
    process = member("time.sleep(60)")
    poll(register, lambda: register.seen)
    assert not register.lost
    process.kill()
    poll(register, lambda: register.lost)
    assert register.exit_code is None


def test_ctrl_c_comes_over_the_line(register, member):
    member("time.sleep(60)")
    poll(register, lambda: register.origin)
    register.origin.interrupt()
    poll(register, lambda: register.exit_code == 7)


def test_a_program_begins_when_it_is_told(register, member, capsys):
    """And learns what its pool lacks, however long the list is."""
    hosts = [f"host{i}.example.org" for i in range(20_000)]
    shown = "print(lifeline.shortfall()['missing_hosts'][-1], file=lifeline.Output(line))"
    member(f"assert lifeline.shortfall() == {{}}; line.begun.wait(); {shown}; line.send(exit=0)")
    poll(register, lambda: register.origin)
    register.origin.begin({"workers": 1, "missing_hosts": hosts})
    poll(register, lambda: register.exit_code == 0)
    assert capsys.readouterr().out == f"{hosts[-1]}\n"


def test_a_process_without_a_launcher_ends(register, member):
    process = member("time.sleep(60)")
    poll(register, lambda: register.origin)
    register.close()
    assert process.wait(timeout=HANG) == 1
    register.origin.interrupt()  # nobody there, nothing happens


@pytest.mark.parametrize(
    "said",
    [
        b'{"token": "guessed", "origin": true, "name": "x"}\n',
        b"GET / HTTP/1.0\r\n\r\n",
        b"7\n",
        b"x" * LONGEST_GREETING,
    ],
    ids=["token", "http", "number", "flood"],
)
def test_strangers_are_sent_away(register, said):
    host, port, _ = register.address("127.0.0.1").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as stranger:
        stranger.sendall(said)
        poll(register, lambda: len(register._selector.get_map()) > 1)
        poll(register, lambda: len(register._selector.get_map()) == 1)
        with contextlib.suppress(ConnectionResetError):
            assert stranger.recv(10) == b""
    assert (register.seen, register.lost, register.exit_code) == (0, [], None)
