"""The options of ``evoprune report`` and what it prints."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.report.load import load

SHOWN = 8  # problems; the report has all


def add_parser(commands: Any, quiet: argparse.ArgumentParser) -> None:
    """Add ``report`` to the commands; ``quiet`` brings ``--quiet`` and ``--json``."""
    parser = commands.add_parser(
        "report",
        parents=[quiet],
        help="tables, tests and figures from one or many run directories",
        description="Read studies and runs, and write report.html, report.md, tables as CSV, figures as PNG and SVG.",
        allow_abbrev=False,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a study, a run, or a folder that holds some")
    parser.add_argument(
        "--output", metavar="DIR", help="where the report goes (default PATH/report where one PATH is given)"
    )
    parser.add_argument("--baseline", metavar="VARIANT", help="compare all variants with this one, not all with all")
    parser.add_argument("--metric", action="append", metavar="NAME", help="a column of the summaries, repeatable")
    parser.set_defaults(command=report, parser=parser)


def report(options: argparse.Namespace) -> int:
    """Load, build, save; returns the exit code.

    :raises ValueError: for folders, metrics or a baseline that do not fit.
    """
    from evoprune.benchmarks.paper.compare import build_beside_paper  # matplotlib takes a second
    from evoprune.benchmarks.report.save import report_folder, save

    output = _output(options)
    report_folder(output).look()  # before the work
    results = load(options.paths)
    speaks = not (options.quiet or options.json)
    if speaks:
        _warn(results.problems)
    title = "Report" if len(options.paths) > 1 else f"Report: {Path(options.paths[0]).resolve().name}"
    written = save(build_beside_paper(results, options.metric, options.baseline), output, title)
    if options.json:
        facts = {
            "report": str(written[-1]),
            "runs": len(results.runs),
            "variants": results.variants,
            "problems": results.problems.to_dict("records"),
            "files": [path.name for path in written],
        }
        print(json.dumps(facts, indent=2))
    elif speaks:
        print(f"The report on {len(results.runs)} runs is {written[-1]}")
    return 0


def _warn(problems: pd.DataFrame) -> None:
    for row in problems.head(SHOWN).itertuples():
        who = f"{row.variant}: " if row.status == "missing" else ""
        print(f"evoprune: warning: {row.place}: {row.status}: {who}{row.message}", file=sys.stderr)
    if len(problems) > SHOWN:
        print(f"evoprune: warning: and {len(problems) - SHOWN} more; the report lists them", file=sys.stderr)


def _output(options: argparse.Namespace) -> Path:
    if options.output:
        return Path(options.output)
    if len(options.paths) > 1:
        raise ValueError(f"{len(options.paths)} paths were given: say with --output where the report goes")
    return Path(options.paths[0]) / "report"
