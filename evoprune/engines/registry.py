"""The engines by name."""

from collections.abc import Callable

from evoprune.checks import lookup
from evoprune.engines.engines import Engine, ProcessEngine, ScoopEngine, scoop_is_running
from evoprune.engines.threads import ThreadEngine

ENGINES: dict[str, Callable[[int | None], Engine]] = {
    "serial": Engine,
    "threads": ThreadEngine,
    "processes": ProcessEngine,
    "scoop": ScoopEngine,
}


def make_engine(name: str | None = None, workers: int | None = None) -> Engine:
    """An engine by name; without a name SCOOP's where the program runs under SCOOP, else the serial one.

    :raises ValueError: for an unknown engine, a number of workers that is none or that the memory of this machine has
        no room for, or scoop outside SCOOP.
    """
    if name is None:
        name = "scoop" if scoop_is_running() else "serial"
    return lookup("engine", name, ENGINES)(workers)
