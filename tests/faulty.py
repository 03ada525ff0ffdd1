"""The command line with an operator that obeys a file: it is slow, waits (in a worker), raises an error, or kills.

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
from evoprune.operators import OPERATORS, mutPruneRandom


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
    time.sleep(0.03 if what in ("slow", "wait") else 0)
    return mutPruneRandom(individual, 0.02, persistent=persistent)


def said(orders):
    try:
        return (orders / "order").read_text()
    except FileNotFoundError:
        return ""


OPERATORS["faulty"] = mutFaulty

if __name__ == "__main__":
    if "scoop" in sys.argv and not scoop_is_running():
        sys.exit(launch(__file__, sys.argv[1:], 2))
    sys.exit(main())
