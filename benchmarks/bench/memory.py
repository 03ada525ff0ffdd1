"""The peak memory of an epoch, measured in a process of its own."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

import evoprune
from evoprune.benchmarks.bench.floors import FLOAT, parameters, widths
from evoprune.benchmarks.bench.subjects import BATCH, data, population

BATCHES = 3  # the peak does not depend on their number


def peak(cells: int, inputs: int, optimizer: str) -> dict[str, Any]:
    """Peak bytes of a process that makes the pairs and trains them, all of Python and torch included."""
    code = f"from {__name__} import train_once; train_once({cells}, {inputs}, {optimizer!r})"
    root = Path(evoprune.__file__).resolve().parents[1]  # so that it imports the same package, installed or not
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    if done.returncode:
        raise RuntimeError(f"the process whose memory is measured failed:\n{done.stderr}")
    weights = cells * parameters(widths(inputs)) * FLOAT
    return {"bytes": json.loads(done.stdout), "weights": weights, "limit": 4 * weights + 500 * 10**6}


def own_peak() -> int:
    """The largest resident size of this process so far, in bytes."""
    try:
        # Not ru_maxrss, which on Linux begins with the peak of the process that started this one.
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def train_once(cells: int, inputs: int, optimizer: str) -> None:
    """In the process that is measured: train for a few batches and print the peak."""
    torch.set_num_threads(1)
    population(cells, data(BATCHES * BATCH, inputs), optimizer)()
    print(json.dumps(own_peak()))
