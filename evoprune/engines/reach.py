"""Whether other hosts can work for us: each is asked over ssh, as SCOOP will call it, before SCOOP starts.

SCOOP itself says nothing where ssh is refused or finds no Python: its pool is smaller then, or waits.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

DEADLINE = 10.0  # seconds until every host has to have answered
CONNECT = 8  # seconds for ssh itself, so that it can say what was wrong
NOISE = re.compile(r"Warning: Permanently added .*|(Shared c|C)onnection to \S+ closed\.")
LONGEST_REASON = 300  # characters


def missing(hosts: Iterable[str], launcher: tuple[str, int], files: Iterable[str | Path]) -> dict[str, str]:
    """The hosts that cannot be used, with the reason in one line. All are asked at once.

    :param launcher: name and port at which they have to reach this machine.
    :param files: what has to be there at the same path; a relative path counts from the current directory.
    """
    question = _question(launcher, files)
    reasons: dict[str, str] = {}
    asked: dict[str, subprocess.Popen[bytes]] = {}
    with tempfile.TemporaryDirectory() as place:
        answers = {host: Path(place, str(number)) for number, host in enumerate(hosts)}
        try:
            for host, answer in answers.items():
                try:
                    asked[host] = _ask(host, question, answer)
                except OSError as error:
                    reasons[host] = f"cannot start ssh: {error.strerror or error}"
            end = time.monotonic() + DEADLINE
            for host, process in asked.items():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(end - time.monotonic(), 0))
                if process.returncode != 0:
                    reasons[host] = _reason(process.returncode, answers[host])
        finally:
            for process in asked.values():
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
    return reasons


def _ask(host: str, question: str, answer: Path) -> subprocess.Popen[bytes]:
    from scoop.launch.constants import BASE_SSH

    with open(answer, "wb") as file:  # no pipe: what ssh may leave in the background would hold it open
        return subprocess.Popen(
            ["ssh", *BASE_SSH[1:], f"-oConnectTimeout={CONNECT}", host, question],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def _question(launcher: tuple[str, int], files: Iterable[str | Path]) -> str:
    """The command for the other host's shell: Python and the directory as SCOOP will write them, quotes and all."""
    path = os.environ.get("PYTHONPATH")
    words = ["env", f"PYTHONPATH={path}:$PYTHONPATH"] if path else []
    words += [sys.executable, "-m", "evoprune.engines.probe", f'"{os.getcwd()}"']
    return " ".join([*words, *(shlex.quote(str(word)) for word in (*launcher, *files))])


def _reason(code: int | None, answer: Path) -> str:
    """What ssh, the shell or Python said last."""
    if code is None:
        return f"no answer within {DEADLINE:g} s"
    text = answer.read_bytes()[-(1 << 16) :].decode(errors="replace")
    lines = (" ".join("".join(c if c.isprintable() else " " for c in line).split()) for line in text.splitlines())
    said = [line for line in lines if line and not NOISE.fullmatch(line)]
    return said[-1][:LONGEST_REASON] if said else f"ssh ended with exit code {code} and no word"
