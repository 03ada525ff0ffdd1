"""Several commands in one directory: one wins, its lock dies with it; a later one goes on or is told why not."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evoprune.__main__ import main
from tests import forked
from tests.ended import LINES, files, good, litter

__all__ = ["good"]

pytestmark = pytest.mark.slow


def line_of(command: str, good: Path) -> list[str]:
    return LINES[command].format(good=good).split()


def at_renaming(name: str, then: Callable[[], object]) -> Callable[[], None]:
    """What sets a hook in a child: it does something right before a file gets that name, the first time."""
    done: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.rename" and Path(str(arguments[1])).name.endswith(name) and not done:
            done.append(name)
            then()

    return lambda: sys.addaudithook(hook)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def held(line: list[str], here: Path) -> Iterator[None]:
    """A command that is at work in its directory, and waits there until it is killed."""
    reads, writes = os.pipe()
    null = os.open(os.devnull, os.O_WRONLY)

    def wait() -> None:
        os.write(writes, b"x")
        signal.pause()

    child = forked.start(lambda: main(line), here, at_renaming("", wait), null, null)
    os.close(writes)
    try:
        assert os.read(reads, 1) == b"x"
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reads)
        os.close(null)


@pytest.mark.parametrize("command", LINES)
def test_two_at_once(command: str, good: Path, tmp_path: Path):
    line = line_of(command, good)
    with held(line, tmp_path):
        other = forked.evoprune(*line, here=tmp_path)
        assert (other.code, other.out) == (2, "")
        assert other.err == "evoprune: error: d: another evoprune is at work there\n"
    again = forked.evoprune(*line, here=tmp_path)
    assert (again.code, again.err) == (0, "")
    assert not [name for name in os.listdir(tmp_path / "d") if "lock" in name]
    assert not litter(tmp_path)


@pytest.mark.parametrize("command", ["run", "weights", "architectures"])
@pytest.mark.parametrize("name", ["settings.json", "log.csv", "checkpoint.pt"])
def test_killed_before_the_first_checkpoint(command: str, name: str, good: Path, tmp_path: Path):
    """The same command begins again, and so does ``resume`` where there are settings; to the same bytes."""
    line = line_of(command, good)
    left = []
    for way in ("same", "resume"):
        here = tmp_path / way
        here.mkdir()
        killed = forked.evoprune(*line, here=here, before=at_renaming(name, die))
        assert killed.code == -signal.SIGKILL
        if way == "resume":
            done = forked.evoprune("resume", "d", "--quiet", here=here)
            assert done.code == (2 if name == "settings.json" else 0), done
            assert ("there is no run here" in done.err) == (name == "settings.json")
        if way == "same" or name == "settings.json":
            done = forked.evoprune(*line, here=here)
            assert (done.code, done.err) == (0, "")
        assert not litter(here)
        left.append(files(here / "d"))
    assert left[0] == left[1]


@pytest.mark.parametrize(
    ("command", "option", "message"),
    [
        ("run", "--seed=9", "d holds another run, which has seed 0 instead of 9"),
        ("weights", "--epochs=2", "d holds another run, which has epochs 1 instead of 2"),
        ("architectures", "--tries=2", "d holds another run, which has tries 1 instead of 2"),
        ("sweep", "--batch-size=4", "d holds another study: operator=random has batch_size 5, not 4"),
    ],
)
def test_the_same_command_with_other_settings(command: str, option: str, message: str, good: Path, tmp_path: Path):
    line = line_of(command, good)
    assert forked.evoprune(*line, here=tmp_path, before=at_renaming("summary.json", die)).code == -signal.SIGKILL
    halves = tuple(path.relative_to(tmp_path / "d").as_posix() for path in litter(tmp_path / "d"))
    before = files(tmp_path / "d", halves)
    other = forked.evoprune(*line, option, here=tmp_path)
    assert (other.code, other.out, len(other.err.splitlines())) == (2, "", 1), other
    assert message in other.err
    assert files(tmp_path / "d", halves) == before
