"""The program in a forked child: what it imports is paid for once, and limits and hooks end with the child."""

import contextlib
import ctypes
import importlib
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evoprune.__main__ import main

UNLIKELY = 99
"""Exit code of a child whose own preparations failed."""


@dataclass(frozen=True)
class Ended:
    """What came of a child."""

    code: int
    """The exit code, negative for a signal."""
    out: str
    err: str
    seconds: float
    """CPU time, which no other process changes."""


def evoprune(*arguments: str | Path, here: Path, before: Callable[[], object] = int) -> Ended:
    """Run ``evoprune`` with these arguments.

    :param here: the working directory.
    :param before: called in the child before the program: sets limits and hooks.
    """
    return forked(lambda: main([str(argument) for argument in arguments]), here, before)


def forked(work: Callable[[], int], here: Path, before: Callable[[], object] = int) -> Ended:
    """Do something in a forked child to its end; what it returns is the exit code."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = start(work, here, before, out.fileno(), err.fileno())
        _, status, used = os.wait4(child, 0)
        with contextlib.suppress(ProcessLookupError):  # what it has started
            os.killpg(child, signal.SIGKILL)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return Ended(os.waitstatus_to_exitcode(status), texts[0], texts[1], used.ru_utime + used.ru_stime)


def start(work: Callable[[], int], here: Path, before: Callable[[], object], out: int, err: int) -> int:
    """Fork a child that does something, and give its process id; ``out`` and ``err`` are descriptors."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: those here hold no lock of ours
        child = os.fork()
    if child == 0:
        _live(work, here, before, out, err)
    return child


def _live(work: Callable[[], int], here: Path, before: Callable[[], object], out: int, err: int) -> None:
    code = UNLIKELY
    try:
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it does not outlive the tests
        os.chdir(here)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - it lives as long as the child
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        _plain_warnings()
        before()
        try:
            code = work()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _plain_warnings() -> None:
    """Those that Python shows, instead of those that a test runner makes of them."""
    warnings.resetwarnings()
    for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", kind)


def warm(here: Path, *commands: list[str]) -> None:
    """Import what these commands import, so that no child does; they leave their files in ``here``."""
    for number, command in enumerate(commands):
        names = here / f"modules-{number}"

        def work(command: list[str] = command, names: Path = names) -> int:
            code = main(command)
            names.write_text("\n".join(sys.modules))
            return code

        done = forked(work, here)
        assert done.code == 0, done
        for name in names.read_text().splitlines():
            with contextlib.suppress(Exception):  # modules that only look like some
                importlib.import_module(name)


def little_memory(more: int = 2**30) -> None:
    """Let this process take so many bytes more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def little_time(seconds: int = 10) -> None:
    """End this process when it has used so many seconds of the CPU."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def small_disk(limit: int) -> None:
    """Let no file that this process writes be larger than so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
