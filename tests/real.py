"""Runs in processes of their own, to be watched, interrupted and killed; none of them outlives its test."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = "--n-dim 24 --n-samples 40 --n-clusters 4 --network 6-3 --cells 10 --learning-rate 0.01 --checkpoint-every 1"
SMALL = [*OPTIONS.split(), "--no-compare"]
FAULTY = ["run", *SMALL, "--operator", "faulty", "--generations", "12", "--finetune", "0"]
MARK = "EVOPRUNE_TEST"
HANG = 300.0  # seconds: no limit on how slow a busy machine may be, but an end for what would never end

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # tests in the background; what they start would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass
class Place:
    """A directory to run in, the orders for faulty operators, and all processes that were started here."""

    path: Path
    mark: str = field(default_factory=lambda: uuid4().hex)
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *command: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start Python with these arguments."""
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "MPLBACKEND": "Agg",
            "FAULTS": str(self.path),
            MARK: self.mark,
            **self.environment,
        }
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,
        )

    def faulty(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start the program with the faulty operator; the run directory is ``r``."""
        return self.start(ROOT / "tests" / "faulty.py", *arguments, "--quiet", **options)

    def run(self, *command: str | Path, timeout: float = HANG) -> tuple[int, str, str]:
        """Run Python with these arguments to its end: exit code, standard output and standard error."""
        return end(self.start(*command), timeout)

    def order(self, what: str) -> None:
        """What the faulty operator does from now on, or from a generation on: ``"wait 2"``."""
        new = self.path / "order.new"
        new.write_text(what)
        new.replace(self.path / "order")  # never half of it

    def generation(self) -> int:
        """The last generation in the run directory ``r``."""
        return generation(self.path / "r")

    def reach(self, generation: int) -> None:
        """Wait for a generation."""
        wait_for(lambda: self.generation() >= generation, f"generation {generation}")

    def hold(self, generation: int, *arguments: str) -> subprocess.Popen[str]:
        """Start the faulty program, and wait until it is in the first generation after this one that prunes."""
        self.order(f"wait {generation}")
        run = self.faulty(*arguments, "--output", "r")
        self.reach(generation)
        wait_for(lambda: list(self.path.glob("waiting-*")), "a task that waits")
        return run

    def interrupted(self) -> None:
        """Wait until Ctrl-C has come to the faulty program itself."""
        wait_for((self.path / "interrupted").exists, "Ctrl-C to arrive")

    def processes(self, part: str = "") -> list[psutil.Process]:
        """What runs here and has ``part`` in its command line."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                mine = process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE
                if mine and part in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def workers(self, engine: str) -> list[psutil.Process]:
        """The worker processes of an engine, SCOOP's origin not among them."""
        if engine == "processes":
            return self.processes("popen_loky_posix")
        return [p for p in self.processes("scoop.bootstrap") if "--origin" not in p.cmdline()]

    def origin(self) -> psutil.Process:
        """SCOOP's origin."""
        (found,) = [p for p in self.processes("scoop.bootstrap") if "--origin" in p.cmdline()]
        return found

    def busy_worker(self, engine: str) -> psutil.Process:
        """Let tasks in workers wait, and give a worker that has one."""
        self.order("wait")

        def waiting() -> list[psutil.Process]:
            return [w for w in self.workers(engine) if (self.path / f"waiting-{w.pid}").exists()]

        wait_for(waiting, "a worker with a task")
        return waiting()[0]

    def assert_empty(self) -> None:
        """Nothing runs here any more, after a while."""
        wait_for(lambda: not self.processes(), "the end of all processes", 60)

    def kill(self) -> None:
        """End what is left."""
        for _ in range(10):
            for process in self.processes():
                with contextlib.suppress(psutil.Error):
                    process.kill()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.kill()


def end(process: subprocess.Popen[str], timeout: float = HANG) -> tuple[int, str, str]:
    """Wait for a process: exit code, standard output and standard error."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, out, err


def wait_for(condition: Callable[[], object], what: str, seconds: float = HANG) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def generation(directory: Path) -> int:
    """The last generation in the log of a run directory, -1 before the first."""
    log = directory / "log.csv"
    return len(log.read_text().splitlines()) - 2 if log.exists() else -1


def fingerprint(directory: Path) -> dict[str, str]:
    """Hashes of what a run has led to: the grid with its masks and rates, both tables, and the summary."""
    state = torch.load(directory / "checkpoint.pt", weights_only=True)
    grid = hashlib.sha256()
    _feed(state["grid"], grid)
    files = {name: (directory / name).read_bytes() for name in ("log.csv", "cells.csv")}
    summary = json.loads((directory / "summary.json").read_text())
    files["summary.json"] = json.dumps(summary | {"seconds": None}).encode()
    return {"grid": grid.hexdigest()} | {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def _feed(value: Any, digest: Any) -> None:
    if isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype}{tuple(value.shape)}".encode() + value.contiguous().numpy().tobytes())
    elif isinstance(value, dict):
        for key in sorted(value):
            digest.update(str(key).encode())
            _feed(value[key], digest)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _feed(item, digest)
    else:
        digest.update(repr(value).encode())
