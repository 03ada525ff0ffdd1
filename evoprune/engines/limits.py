"""How many workers there may be: a bound that no machine reaches, and the memory of this one."""

from typing import Any

from evoprune.checks import at_least, shown
from evoprune.memory import check_fits

MOST_WORKERS = 10_000
PROCESS = 250e6
"""Bytes that a process with torch takes, about."""


def check_workers(workers: Any) -> None:
    """See that a number of workers is one.

    :raises ValueError: where it is no whole number from 1 to :data:`MOST_WORKERS`.
    """
    at_least("workers", workers, 1, whole=True)
    if workers > MOST_WORKERS:
        raise ValueError(f"workers must be at most {MOST_WORKERS}, got {shown(workers)}")


def check_room(processes: int) -> None:
    """See that so many processes fit into the memory of this machine, before the first of them starts.

    :raises ValueError: with the estimate, where they do not.
    """
    check_fits({"worker processes": processes * PROCESS}, "fewer workers")
