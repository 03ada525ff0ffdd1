"""The program that the launcher gives to SCOOP. It runs the user's program, with a line to the launcher.

python -m scoop -n 2 pool.py ADDRESS PROGRAM ARGUMENTS...
"""

import contextlib
import runpy
import signal
import sys
import traceback

from evoprune.engines import calm_scoop, lifeline


def run(program: str, line: lifeline.Line) -> int:
    """Run a Python file as the main program; returns its exit code."""
    try:
        line.listen()
        line.begun.wait()
        with contextlib.redirect_stdout(lifeline.Output(line)):  # SCOOP and ssh write into the other one
            runpy.run_path(program, run_name="__main__")
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
        return lifeline.FAILED
    except KeyboardInterrupt:
        print("evoprune: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception:
        traceback.print_exc()
        return lifeline.FAILED
    return 0


def start(origin: bool) -> tuple[str, lifeline.Line]:
    """Open the line, and leave ``sys.argv`` as the program expects it."""
    calm_scoop()
    line = lifeline.hold(sys.argv[1], origin)
    del sys.argv[:2]
    return sys.argv[0], line


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a launcher in the background ignores it
    path, held = start(origin=True)
    held.send(exit=run(path, held))
elif __name__ == "SCOOP_WORKER":
    path, held = start(origin=False)
    held.listen()
    # SCOOP makes what it finds here the worker's __main__, where the program's own functions are looked for.
    globals().update(runpy.run_path(path, run_name=__name__))
