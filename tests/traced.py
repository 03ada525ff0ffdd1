"""Memory that a call takes."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


class Traced:
    """Bytes that Python's allocations took at their peak; known when the block has ended."""

    peak = 0


@contextmanager
def traced() -> Iterator[Traced]:
    """Trace what is allocated within the block."""
    found = Traced()
    tracemalloc.start()
    try:
        yield found
        found.peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
