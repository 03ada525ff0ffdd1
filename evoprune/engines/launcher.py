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
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from evoprune.checks import at_least
from evoprune.engines.lifeline import FAILED, Register

PERIOD = 0.2  # seconds between two looks at the pool
START = 120.0  # seconds until every worker has to have reported
PATIENCE = 120.0  # seconds that a generation may take to end after Ctrl-C
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SAFE = "if a checkpoint has been written it is intact: continue with evoprune resume"


def launch(
    program: str | Path,
    arguments: Sequence[str],
    workers: int | None = None,
    hostfile: str | Path | None = None,
    external_hostname: str | None = None,
) -> int:
    """Run a Python file under SCOOP and return its exit code; 1 if it or one of its workers died.

    Ctrl-C and SIGTERM reach the program as Ctrl-C, and the pool is stopped if it does not end then.

    :param workers: processes that compute, beside the program's own: by default 2, or what the hostfile says.
    :param hostfile: a host and its number of workers a line; the first should be this machine.
    :param external_hostname: the name or address under which the other hosts reach this one.
    :raises ValueError: for a hostfile that cannot be used, or hosts that could not reach this one.
    """
    hosts = read_hostfile(hostfile) if hostfile else {LOOPBACK[0]: 2}
    workers = sum(hosts.values()) if workers is None else workers
    at_least("workers", workers, 1, whole=True)
    name = "127.0.0.1"
    if not set(hosts) <= set(LOOPBACK):
        name = external_hostname or socket.getfqdn().split(".")[0]
        if name in LOOPBACK:
            raise ValueError(f"{hostfile}: the other hosts cannot reach this one as {name}: give its external hostname")
    first = next(iter(hosts))  # the program itself, which computes nothing, is there too
    places = [host for host, count in hosts.items() for _ in range(count + (host == first))]
    outside = ["--external-hostname", name] if external_hostname and hostfile else []
    # Hosts are always given, or SCOOP would ask the environment of a cluster.
    command = [sys.executable, "-m", "scoop", "-q", "--hosts", *places, *outside, "-n", str(workers + 1)]
    with contextlib.closing(Register("127.0.0.1" if name == "127.0.0.1" else "")) as register, _signals() as received:
        # A session of its own: Ctrl-C comes to us alone, and everything SCOOP starts can be stopped together.
        pool = subprocess.Popen(
            [*command, Path(__file__).with_name("pool.py"), register.address(name), program, *arguments],
            env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=2,  # what SCOOP prints; the program's own output comes over the line
            start_new_session=True,
        )
        try:
            return _watch(pool, register, received, workers + 1)
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                pool.wait(0 if register.exit_code is None else 5)
            register.close()
            _stop(pool)


def read_hostfile(path: str | Path) -> dict[str, int]:
    """The hosts of a hostfile and their numbers of workers.

    :raises ValueError: with the line that is none.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot read this hostfile ({error})") from error
    hosts: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        host, *rest = line.split()
        if len(rest) != 1 or not rest[0].isdigit() or int(rest[0]) < 1:
            raise ValueError(f"{path}, line {number}: expected a host and its number of workers, got {line.strip()!r}")
        hosts[host] = hosts.get(host, 0) + int(rest[0])
    if not hosts:
        raise ValueError(f"{path}: there is no host in this hostfile")
    return hosts


def _watch(pool: subprocess.Popen[bytes], register: Register, received: list[int], size: int) -> int:
    """Look after the pool until the program's exit code has come, or until it cannot come any more."""
    start = time.monotonic()
    deadline: float | None = None
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
        if received and deadline is None and register.origin is not None:
            register.origin.interrupt()  # it ends its generation and keeps a checkpoint
            deadline = time.monotonic() + PATIENCE
        late = deadline is not None and time.monotonic() > deadline
        if late or len(received) > 1 or (received and register.origin is None):
            _say(f"stopped at once; {SAFE}" if register.origin else "stopped before the start; nothing is kept")
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
