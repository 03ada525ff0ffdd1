"""Starting SCOOP, and watching it: it neither tells how a program ended nor notices every worker that died.

Every process of the pool keeps a line to the launcher (:mod:`evoprune.engines.lifeline`), over which the program's
exit code comes. Without the exit code a run has failed, whatever SCOOP says.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from evoprune.engines.hosts import HERE, LOOPBACK, check_name, read_hostfile, shared_out
from evoprune.engines.lifeline import FAILED, Register
from evoprune.engines.limits import check_room
from evoprune.engines.reach import missing

PERIOD = 0.2  # seconds between two looks at the pool
START = 120.0  # seconds until every worker has to have reported
PATIENCE = 120.0  # seconds that a generation may take to end after Ctrl-C
POOL = Path(__file__).with_name("pool.py")
SAFE = "if a checkpoint has been written it is intact: continue with evoprune resume"


def launch(
    program: str | Path,
    arguments: Sequence[str],
    workers: int | None = None,
    hostfile: str | Path | None = None,
    external_hostname: str | None = None,
    allow_missing_hosts: bool = False,
) -> int:
    """Run a Python file under SCOOP and return its exit code; 1 if it or one of its workers died.

    Ctrl-C and SIGTERM reach the program as Ctrl-C, and the pool is stopped if it does not end then.

    :param workers: processes that compute, beside the program's own: by default 2, or what the hostfile says.
    :param hostfile: a host and its number of workers a line; the first should be this machine.
    :param external_hostname: the name or address under which the other hosts reach this one.
    :param allow_missing_hosts: go on with fewer hosts where some cannot be used, which is an error otherwise, and the
        program does not begin; :func:`evoprune.engines.shortfall` tells the program what is missing.
    :raises ValueError: for a hostfile that cannot be used, hosts that could not reach this one, or more workers than
        fit into this machine.
    """
    if external_hostname is not None:
        check_name("external hostname", external_hostname)
    hosts = read_hostfile(hostfile, external_hostname) if hostfile is not None else {HERE: 2}
    hosts = shared_out(hosts, workers)
    check_room(hosts.get(HERE, 0) + (next(iter(hosts)) == HERE))
    others = [host for host in hosts if host != HERE]
    name = (external_hostname or socket.getfqdn().split(".")[0]) if others else HERE
    if others and name in LOOPBACK:
        raise ValueError(f"{hostfile}: the other hosts cannot reach this one as {name}: give its external hostname")
    with contextlib.closing(Register("" if others else HERE)) as register:
        if others:
            reasons = missing(others, (name, register.port), (POOL, program))
            hosts = _left(hosts, reasons, allow_missing_hosts)
            if not hosts:
                return FAILED
            if reasons:
                register.shortfall = {"workers": sum(hosts.values()), "missing_hosts": list(reasons)}
            name = HERE if set(hosts) == {HERE} else name
        command = _command(hosts, name, register.address(name), program, arguments)
        with _signals() as received:
            return _run(command, register, received, sum(hosts.values()) + 1)


def _left(hosts: dict[str, int], reasons: Mapping[str, str], allowed: bool) -> dict[str, int]:
    """The hosts to go on with, after a word about those that are missing; none where that is an error."""
    left = {host: count for host, count in hosts.items() if host not in reasons}
    goes_on = bool(allowed and left)
    for host, reason in reasons.items():
        advice = "" if allowed else "; --allow-missing-hosts goes on without it"
        what = "warning: going on without" if goes_on else "error: cannot use"
        _say(f"{what} {host}: {reason}{advice}")
    if goes_on and next(iter(hosts)) in reasons:
        _say(f"warning: the program itself runs on {next(iter(left))}, and writes there")
    if allowed and not left:
        _say("error: there is no host left")
    return left if goes_on or not reasons else {}


def _command(
    hosts: Mapping[str, int], name: str, address: str, program: str | Path, arguments: Sequence[str]
) -> list[str | Path]:
    """What starts SCOOP. Hosts are always given, or SCOOP would ask the environment of a cluster."""
    first = next(iter(hosts))  # the program itself, which computes nothing, is there too
    places = [host for host, count in hosts.items() for _ in range(count + (host == first))]
    # -P: no module of ours is to be found as one of theirs.
    start: list[str | Path] = [sys.executable, "-P", Path(__file__).with_name("local_broker.py"), name]
    size = ["--external-hostname", name, "-n", str(len(places))]
    return [*start, "-q", "--hosts", *places, *size, POOL, address, program, *arguments]


def _run(command: Sequence[str | Path], register: Register, received: list[int], size: int) -> int:
    # A session of its own: Ctrl-C comes to us alone, and everything SCOOP starts can be stopped together.
    pool = subprocess.Popen(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=2,  # what SCOOP prints; the program's own output comes over the line
        start_new_session=True,
    )
    try:
        return _watch(pool, register, received, size)
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            pool.wait(0 if register.exit_code is None else 5)
        _stop(pool)
        register.close()  # not before: who has just started and finds nobody listening says so


def _watch(pool: subprocess.Popen[bytes], register: Register, received: list[int], size: int) -> int:
    """Look after the pool until the program's exit code has come, or until it cannot come any more."""
    start = time.monotonic()
    deadline: float | None = None
    begun = False
    while True:
        ended = pool.poll() is not None
        register.poll(PERIOD)
        if register.lost or ended:
            # The code may be on its way: workers end when the program has ended, and the lines of those on other
            # machines may be faster than its own.
            end = time.monotonic() + 1.0
            while register.exit_code is None and time.monotonic() < end:
                register.poll(PERIOD)
        # A program that fails after one of its workers died fails because of that.
        if register.exit_code is not None and not (register.lost and register.exit_code == FAILED):
            return register.exit_code
        if register.lost:
            who = register.lost[0]
            return _failed(f"{'the main process' if who.origin else 'worker'} {who.name} died")
        if ended:
            return _failed("SCOOP ended before the program")
        if register.seen < size and time.monotonic() > start + START:
            return _failed(f"only {register.seen} of the pool's {size} processes have reported within {START:.0f} s")
        if register.origin and register.seen >= size and not begun:
            register.origin.begin(register.shortfall)  # not before: with fewer workers it would compute in vain
            begun = True
        if received and deadline is None and register.origin and begun:
            register.origin.interrupt()  # it ends its generation and keeps a checkpoint
            deadline = time.monotonic() + PATIENCE
        late = deadline is not None and time.monotonic() > deadline
        if late or len(received) > 1 or (received and not begun):
            _say(f"stopped at once; {SAFE}" if begun else "stopped before the start; nothing is kept")
            return 128 + received[0]


def _failed(what: str) -> int:
    _say(f"error: {what}; {SAFE}")
    return FAILED


def _say(what: str) -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)  # a progress bar stands in this line
    print(f"evoprune: {what}", file=sys.stderr)


def _stop(pool: subprocess.Popen[bytes]) -> None:
    """End every process of the pool's session; SCOOP itself leaves orphans.

    At once: what it had to say it has said, and a second signal would have the program speak up again.
    """
    end = time.monotonic() + 3.0
    while time.monotonic() < end and (left := _session(pool.pid)):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        pool.poll()
        time.sleep(0.05)
    pool.wait()


def _session(leader: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect Ctrl-C and SIGTERM instead of dying of them; one that is ignored stays ignored."""
    received: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, lambda got, _: received.append(got))
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
