"""Killed at any moment at which it touches the file system, a command goes on to the same bytes and leaves no litter.

The moments are counted, not timed: a hook in the child ends it right before its k-th change of a file or folder.
"""

import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from evoprune.__main__ import main
from tests import forked
from tests.ended import LINES, files, good, litter

__all__ = ["good"]

pytestmark = pytest.mark.slow
MOMENTS = int(os.environ.get("EVOPRUNE_KILLS", "10"))
"""Of every command, and as many more between a file's writing and its renaming."""
CHANGES = (
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink"),
    *("tempfile.mkstemp", "tempfile.mkdtemp", "shutil.rmtree"),
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
USERS = ("mine.txt", "plots/holiday.png")


class Moments:
    """A hook that counts the changes of files in the working directory, and kills the process before one of them."""

    def __init__(self, last: int = 0) -> None:
        self.last, self.seen, self.here = last, list[str](), ""

    def set(self) -> None:
        self.here = os.getcwd()
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        change = event in CHANGES or (event == "open" and bool(arguments[2] & WRITES))
        if change and isinstance(arguments[0], str | Path) and str(arguments[0]).startswith(self.here):
            self.seen.append(event)
            if len(self.seen) == self.last:
                os.kill(os.getpid(), signal.SIGKILL)


def moments_of(line: list[str], here: Path) -> list[str]:
    """Do what a command line says, and give its changes of files in their order."""
    seen = Moments()

    def work() -> int:
        code = main(line)
        os.write(1, "\n".join(["", *seen.seen]).encode())
        return code

    done = forked.forked(work, here, seen.set)
    assert done.code == 0, done
    return [word for word in done.out.split("\n") if word in (*CHANGES, "open")]


@pytest.mark.parametrize("command", [name for name in LINES if name != "reconstruct"])
def test_killed_at_any_change_of_a_file(command: str, good: Path, tmp_path: Path):
    line = LINES[command].format(good=good).replace("--output d", f"--output {tmp_path / 'undisturbed'}").split()
    (tmp_path / "undisturbed").parent.mkdir(exist_ok=True)
    changes = moments_of(line, tmp_path)
    expected = files(tmp_path / "undisturbed")
    rng = random.Random(command)
    renames = [number for number, event in enumerate(changes, 1) if event == "os.rename"]
    every = range(1, len(changes) + 1)
    chosen = {number for some in (every, renames) for number in rng.sample(some, min(MOMENTS, len(some)))}
    for turn, moment in enumerate(sorted(chosen)):
        here = tmp_path / f"{moment}"
        here.mkdir()
        place = here / "d"
        said = [str(place) if word == str(tmp_path / "undisturbed") else word for word in line]
        killed = forked.evoprune(*said, here=here, before=Moments(moment).set)
        assert killed.code == -signal.SIGKILL, (moment, killed)
        users = put_users(place)
        where = (command, moment, changes[moment - 1])
        goes_on(said, place, resume=turn % 2 == 1 and command != "report", where=where)
        assert {name: (place / name).read_bytes() for name in users} == users, where
        found = files(place, without=tuple(users))
        assert found == expected, (
            where,
            [name for name in {*found, *expected} if found.get(name) != expected.get(name)],
        )
        assert not litter(here), where


def put_users(place: Path) -> dict[str, bytes]:
    """Files of the user's, where the directory is known for evoprune's; else it would be the user's."""
    if not (place / "manifest.json").exists():
        return {}
    for name in USERS:
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(b"mine")
    return dict.fromkeys(USERS, b"mine")


def goes_on(line: list[str], place: Path, resume: bool, where: object) -> None:
    """By ``evoprune resume`` where there is something to resume, else by the same command line."""
    begun = any((place / name).exists() for name in ("settings.json", "study.json"))
    if resume:
        done = forked.evoprune("resume", place, "--quiet", here=place.parent)
        assert done.code == (0 if begun else 2), (where, done)
        assert not done.out, done
        if begun:
            return
    done = forked.evoprune(*line, here=place.parent)
    assert (done.code, done.out, done.err) == (0, "", ""), (where, done)
