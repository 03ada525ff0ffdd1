"""The command line: ``evoprune run``, ``sweep``, ``report`` and the others that ``evoprune --help`` names."""

import argparse
import difflib
import gc
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from evoprune._version import __version__
from evoprune.checks import lookup
from evoprune.engines import ENGINES, lifeline, scoop_is_running
from evoprune.files import WriteError, shown_path
from evoprune.folders import FULL
from evoprune.runs.command import INTERRUPTED
from evoprune.runs.options import read

LONGEST = 500
"""Characters of what is said to be wrong: more is a list of names, or text of the user's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments and do what they say; returns the exit code."""
    try:
        with _uncollected():
            options = _parse(arguments)
            import torch  # which takes a second, that --version needs not wait for
        warnings.showwarning = _warn  # type: ignore[assignment]
        torch.set_num_threads(1)  # two threads are slower here, and the last bits depend on their number
        return int(options.command(options))
    except (ValueError, FileNotFoundError) as error:
        return _failed(error, 2)
    except BrokenPipeError:  # who read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return 1
    except WriteError as error:
        return _failed(error, 1)
    except OSError as error:
        path = shown_path(error.filename or "")
        return _failed(f"{path}: {error.strerror or error}", 1 if error.errno in FULL else 2)
    except MemoryError:
        return _failed("out of memory", 1)
    except KeyboardInterrupt:
        print("evoprune: interrupted", file=sys.stderr)
        return INTERRUPTED


@contextmanager
def _uncollected() -> Iterator[None]:
    """What is imported in the block stays: it is not walked through in collections, now, later or at exit."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if enabled:
            gc.enable()


def _failed(why: object, code: int) -> int:
    """Say what is wrong, in one line whatever a path or another library's message holds; the exit code."""
    text = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in str(why))
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    print(f"evoprune: error: {text}" + "; what was written before is intact" * (code == 1), file=sys.stderr)
    return code


def resume(options: argparse.Namespace) -> int:
    """``evoprune resume``: continue an interrupted run, of whatever kind, or an interrupted sweep."""
    from evoprune.benchmarks.commands.start import resume as continue_run
    from evoprune.benchmarks.commands.sweep import continue_sweep
    from evoprune.benchmarks.experiments import experiment_of
    from evoprune.training.kernel import KERNELS

    if options.kernel is not None:
        lookup("kernel", options.kernel, KERNELS)
    directory = Path(options.directory)
    if (directory / "study.json").exists():
        return continue_sweep(directory, options)
    return continue_run(options, experiment_of(directory), directory)


def _warn(message: Warning | str, *_: Any) -> None:
    print(f"evoprune: warning: {message}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Errors in one line, as everywhere else in evoprune; --help has the usage."""

    def error(self, message: str) -> NoReturn:
        chosen = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        near = chosen and difflib.get_close_matches(chosen[1], re.findall(r"[\w-]+", chosen[2]), n=1)
        message += f": did you mean {near[0]!r}?" if near else ""
        sys.exit(_failed(message, 2))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parsed arguments; an unknown option is an error that offers the nearest."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser(arguments)
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if flag.startswith("--") and equals and value == "--":  # of which argparse makes an empty list
            parser.error(f"argument {flag}: expected a value, got '--'")
    options, unknown = parser.parse_known_args(arguments)
    options.arguments = arguments
    if unknown:
        flag = unknown[0].split("=")[0]
        known = [name for action in options.parser._actions for name in action.option_strings]
        near = difflib.get_close_matches(flag, known, n=1)
        parser.error(f"unknown argument {unknown[0]!r}" + (f": did you mean {near[0]!r}?" if near else ""))
    return options


def _parser(arguments: list[str]) -> _Parser:
    parser = _Parser(prog="evoprune", description="Evolve and prune autoencoders with DEAP.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"evoprune {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    quiet = _Parser(add_help=False)
    quiet.add_argument("--quiet", action="store_true", help="no progress bar and no table")
    quiet.add_argument("--json", action="store_true", help="print the summary as JSON and nothing else")

    engine = _Parser(add_help=False)
    group = engine.add_argument_group("engine")
    group.add_argument("--engine", metavar="NAME", help="where the work is done: " + ", ".join(ENGINES))
    group.add_argument("--workers", type=partial(read, int), metavar="N", help="workers: threads or processes")
    group.add_argument("--hostfile", metavar="FILE", help="scoop: a host and its number of workers a line")
    group.add_argument(
        "--allow-missing-hosts", action="store_true", help="scoop: go on without hosts that do not answer"
    )
    group.add_argument("--external-hostname", metavar="NAME", help="scoop: how the other hosts reach this one")

    modules: dict[str, tuple[str, tuple[Any, ...]]] = {
        "run": ("start", ("run", quiet, engine)),
        "sweep": ("sweep", (quiet, engine, arguments)),
        "report": ("report", (quiet,)),
        "reproduce": ("reproduce", (quiet, engine)),
        "frontier": ("frontier", (quiet, engine)),
        "weights": ("start", ("weights", quiet, engine)),
        "architectures": ("start", ("architectures", quiet, engine)),
        "reconstruct": ("reconstruct", ()),
        "shrink": ("shrink", (quiet,)),
        "front": ("front", (quiet,)),
        "list": ("catalogue", ()),
        "bench": ("bench", ()),
    }
    asked = next(iter(arguments), "")
    known = asked in {"--version", "resume", *modules}
    for name, (module, parts) in modules.items():
        if asked == name or not known:  # to import them all takes seconds
            import_module(f"evoprune.benchmarks.commands.{module}").add_parser(commands, *parts)

    more = commands.add_parser(
        "resume", parents=[quiet, engine], help="continue an interrupted run or sweep", allow_abbrev=False
    )
    more.add_argument("directory", metavar="DIR", help="its directory")
    more.add_argument("--kernel", metavar="NAME", help="go on with this kernel instead of that of the run")
    more.add_argument("--allow-code", action="store_true", help="run the code outside of evoprune that it names")
    more.set_defaults(command=resume, parser=more)
    return parser


if __name__ == "__main__":
    try:
        code: Any = main()
    except SystemExit as stop:
        code = stop.code
    if lifeline.current or not scoop_is_running():  # SCOOP by itself makes nothing of an exit code, and trips over it
        sys.exit(code)
