"""The command line with an operator that obeys a file: it waits (not in SCOOP's origin), raises an error, or kills.

An order may hold from a generation on: ``wait 2``. So tests need not be fast to find a run where they want it.

A program for :func:`evoprune.engines.launcher.launch` too, which shows that a script's own functions reach the workers.
"""

import os
import signal
import sys
import time
from pathlib import Path

import scoop

from evoprune.__main__ import main
from evoprune.engines import scoop_is_running
from evoprune.engines.launcher import launch
from evoprune.interrupts import Deferred
from evoprune.operators import OPERATORS, mutPruneRandom
from tests.real import generation


def mutFaulty(individual, persistent=True):
    """Prune a little, or do first what the file ``order`` says."""
    orders = Path(os.environ["FAULTS"])
    while (what := said(orders)) == "wait" and not getattr(scoop, "IS_ORIGIN", False):
        (orders / f"waiting-{os.getpid()}").touch()
        time.sleep(0.02)
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "raise":
        raise ArithmeticError("as ordered")
    return mutPruneRandom(individual, 0.02, persistent=persistent)


def said(orders):
    """The order that holds now."""
    try:
        what, _, since = (orders / "order").read_text().partition(" ")
    except FileNotFoundError:
        return ""
    return what if generation(orders / "r") >= int(since or -1) else ""


handle = Deferred._handle


def noted(self, number, stack):
    """Ctrl-C leaves a file when it has come."""
    handle(self, number, stack)
    Path(os.environ["FAULTS"], "interrupted").touch()


Deferred._handle = noted  # type: ignore[method-assign]
OPERATORS["faulty"] = mutFaulty

if __name__ == "__main__":
    if "scoop" in sys.argv and not scoop_is_running():
        sys.exit(launch(__file__, sys.argv[1:], 2))
    sys.exit(main())
