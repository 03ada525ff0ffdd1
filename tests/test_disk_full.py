"""On a full disk a command ends in one line that names the file, and with more room it goes on to the same bytes."""

import errno
import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests import forked
from tests.ended import LINES, files, good, litter

__all__ = ["good"]

pytestmark = pytest.mark.slow
LIMITS = (450, 1500, 6000, 20_000)
"""Bytes that a file may have: from the line of the error, for which there has to be room, to all but the largest."""
SIZES = (16, 48, 128)
"""Kilobytes of a disk."""


def small_files(limit: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python does at its start
    forked.small_disk(limit)


def assert_one_line(done: forked.Ended, place: Path, reasons: tuple[int, ...]) -> None:
    """An error that names the file and says what is left."""
    assert done.code == 1, done
    assert not done.out, done
    (line,) = done.err.splitlines()
    assert line.startswith(f"evoprune: error: {place}"), done
    assert any(os.strerror(reason) in line for reason in reasons), done
    assert any(
        words in line for words in ("intact", "continue with: evoprune resume", "begins again", "nothing was begun")
    ), done
    assert not litter(place.parent), done


@pytest.mark.parametrize("command", LINES)
def test_files_that_may_not_grow(command: str, good: Path, tmp_path: Path):
    whole = forked.evoprune(*_line(command, good, tmp_path / "whole"), here=tmp_path)
    assert whole.code == 0, whole
    expected = files(tmp_path / "whole")
    stopped = 0
    for limit in LIMITS:
        place = tmp_path / str(limit)
        line = _line(command, good, place)
        full = forked.evoprune(*line, here=tmp_path, before=partial(small_files, limit))
        if full.code:
            stopped += 1
            assert_one_line(full, place, (errno.EFBIG,))
        again = forked.evoprune(*line, here=tmp_path) if full.code or command in ("report", "reconstruct") else full
        assert (again.code, again.err) == (0, ""), (limit, again)
        assert files(place) == expected, limit
        assert not litter(place), limit
    assert stopped


@pytest.mark.parametrize("command", LINES)
def test_a_small_disk(command: str, good: Path, tmp_path: Path):
    whole = forked.evoprune(*_line(command, good, tmp_path / "whole"), here=tmp_path)
    assert whole.code == 0, whole
    expected = files(tmp_path / "whole")
    disk = tmp_path / "disk"
    disk.mkdir()
    for size in SIZES:
        if _mount(disk, f"size={size}k"):
            pytest.skip("nothing may be mounted here")
        try:
            place = disk / "d"
            line = _line(command, good, place)
            full = forked.evoprune(*line, here=tmp_path)
            assert_one_line(full, place, (errno.ENOSPC,)) if full.code else None
            assert _mount(disk, "remount,size=100m") == 0
            again = forked.evoprune(*line, here=tmp_path) if full.code else full
            assert (again.code, again.err) == (0, ""), (size, again)
            assert files(place) == expected, size
            assert not litter(place), size
        finally:
            subprocess.run(["umount", disk], check=True)


def _mount(disk: Path, options: str) -> int:
    """Mount a disk of memory; the exit code."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode
    except OSError:
        return 1


def _line(command: str, good: Path, place: Path) -> list[str]:
    return [str(place) if word == "d" else word for word in LINES[command].format(good=good).split()]


@pytest.mark.parametrize("command", LINES)
def test_a_name_that_no_disk_takes(command: str, good: Path, tmp_path: Path):
    done = forked.evoprune(*_line(command, good, tmp_path / ("x" * 300)), here=tmp_path)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1), done
    assert os.strerror(errno.ENAMETOOLONG) in done.err
    assert not list(tmp_path.iterdir())
