"""Whether what was asked for fits into the memory of this machine: an estimate, before any work."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from evoprune.checks import at_least, of_type, shown

CGROUPS = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat", "total_inactive_file"),
)
"""Limit, use and statistics of a container, below ``/sys/fs/cgroup``, and what in them is the cache of files, which
makes room where it is needed: version 2 and version 1."""
FLOAT = 4
"""Bytes of a number in float32."""
HUGE = 10**27
"""Bytes that no memory has; more is said to be as much."""


def check_fits(needs: Mapping[str, float], advice: str = "") -> None:
    """See that what is needed is there, before any work.

    :param needs: what takes memory -> bytes, about; of nothing that is there already.
    :param advice: what could be made smaller.
    :raises ValueError: with the estimate and its largest parts, where it is more than the memory that is free.
    """
    of_type("needs", needs, Mapping, "a table of bytes by what takes them")
    for name, bytes_ in needs.items():
        at_least(f"the bytes that {shown(name)} needs", bytes_, 0)
    needs = {name: min(bytes_, HUGE) for name, bytes_ in needs.items()}
    total, free = sum(needs.values()), available()
    if total > free:
        largest = sorted(needs, key=lambda name: -needs[name])[:3]
        parts = ", ".join(f"{name} {size(needs[name])}" for name in largest if needs[name] * 50 > total)
        raise ValueError(
            f"this needs about {size(total)} of memory ({parts}), and {size(free)} are free"
            + (f": {advice}" if advice else "")
        )


def available() -> float:
    """Bytes of memory that this process may still take: of the machine, its container, and its own limit."""
    left = [float(psutil.virtual_memory().available)]
    for *names, cache in CGROUPS:
        try:
            limit, used, statistics = ((Path("/sys/fs/cgroup") / name).read_text() for name in names)
            cached = dict(line.split() for line in statistics.splitlines()).get(cache, 0)
            left.append(float(limit) - float(used) + float(cached))
        except (OSError, ValueError):  # no such container, or "max"
            continue
    if sys.platform != "win32":
        import resource

        address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
        if address_space != resource.RLIM_INFINITY:
            left.append(float(address_space - psutil.Process().memory_info().vms))
    return max(min(left), 0.0)


def size(bytes_: float) -> str:
    """A number of bytes as people say it, such as ``"1.2 GB"``."""
    at_least("bytes", bytes_, 0)
    if bytes_ < 1e3:
        return f"{bytes_:.0f} bytes"
    bytes_ = min(bytes_, 1e300)  # an integer may be too large for a float
    power = min(int(math.log10(bytes_) // 3), len(" kMGTPEZY") - 1)
    return f"{bytes_ / 1000**power:.3g} {' kMGTPEZY'[power]}B"
