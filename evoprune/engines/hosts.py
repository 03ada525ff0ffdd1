"""Hosts and their workers: what a hostfile says, which names are this machine's, and who gets how many."""

import contextlib
import re
import socket
from collections.abc import Mapping
from pathlib import Path

from evoprune.checks import shown
from evoprune.engines.limits import MOST_WORKERS, check_workers

HERE = "127.0.0.1"
"""This machine, whatever name it was given: SCOOP takes two of its names for two hosts."""
LOOPBACK = (HERE, "localhost", "::1")
NAME = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:%@-]{0,252}")
"""What ssh and SCOOP take for a host; a minus sign in front would make it an option of ssh."""
LONGEST_FILE = 10**6  # bytes


def read_hostfile(path: str | Path, also_here: str | None = None) -> dict[str, int]:
    """The hosts of a hostfile and their numbers of workers; all names of this machine are :data:`HERE`.

    :param also_here: one more name of this machine.
    :raises ValueError: with the line that is none.
    """
    here = names_of_this_machine() | {(also_here or HERE).lower()}
    hosts: dict[str, int] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        host, *rest = line.split()
        if len(rest) != 1 or not re.fullmatch("0*[1-9][0-9]*", rest[0]):
            raise ValueError(f"{where}: expected a host and its number of workers, got {shown(line.strip())}")
        check_name(where, host)
        # Counted by its length first: Python does not read a number of thousands of digits.
        if len(rest[0]) > 100 or int(rest[0]) > MOST_WORKERS:
            raise ValueError(f"{where}: expected at most {MOST_WORKERS} workers, got {shown(rest[0])}")
        host = HERE if host.lower() in here else host
        hosts[host] = hosts.get(host, 0) + int(rest[0])
    if not hosts:
        raise ValueError(f"{path}: there is no host in this hostfile")
    if sum(hosts.values()) > MOST_WORKERS:
        raise ValueError(f"{path}: expected at most {MOST_WORKERS} workers in all, got {sum(hosts.values())}")
    return hosts


def _text(path: str | Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(LONGEST_FILE + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot read this hostfile: {error.strerror or error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if len(data) > LONGEST_FILE or "\0" in text:
        raise ValueError(f"{path}: expected a hostfile, a host and its number of workers a line, got another file")
    return text


def check_name(what: str, host: str) -> None:
    """See that a host can be called this.

    :raises ValueError: for a name that ssh or SCOOP would take for something else.
    """
    if not NAME.fullmatch(host):
        raise ValueError(f"{what}: expected the name or the address of a host, got {shown(host)}")


def names_of_this_machine() -> set[str]:
    """Names and addresses under which this machine knows itself, in small letters."""
    names = {socket.gethostname(), socket.getfqdn()}
    names |= {name.split(".")[0] for name in names}
    with contextlib.suppress(OSError):
        names |= set(socket.gethostbyname_ex(socket.gethostname())[2])
    return {name.lower() for name in (*names, *LOOPBACK)}


def shared_out(hosts: Mapping[str, int], workers: int | None = None) -> dict[str, int]:
    """Each host's workers, if there are so many in all: the last hosts stay empty, or all get one more in turn.

    :raises ValueError: for a number of workers that is none.
    """
    if workers is None:
        return dict(hosts)
    check_workers(workers)
    more = max(workers - sum(hosts.values()), 0)
    left = workers
    shares = {}
    for i, (host, count) in enumerate(hosts.items()):
        shares[host] = min(count + more // len(hosts) + (i < more % len(hosts)), left)
        left -= shares[host]
    return {host: count for host, count in shares.items() if count}
