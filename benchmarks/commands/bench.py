"""The options of ``evoprune bench`` and what it prints."""

import argparse
import dataclasses
import json

from evoprune.benchmarks.bench import levels, speed
from evoprune.benchmarks.bench.scaling import measure_scaling
from evoprune.benchmarks.bench.table import scaling_table, speed_table
from evoprune.checks import at_least


def bench(options: argparse.Namespace) -> int:
    """Measure and print; the exit code is 1 where ``--check`` is given and a target is missed."""
    if options.what == "scaling":
        at_least("workers", options.workers, 1, whole=True)
        work = dataclasses.replace(levels.QUICK if options.quick else levels.FULL, workers=options.workers)
        report = measure_scaling(work)
        text = scaling_table(report)
    else:
        report = speed.measure_speed(speed.QUICK if options.quick else speed.FULL)
        text = speed_table(report)
    print(json.dumps(report, indent=2) if options.json else text)
    return int(options.check and not all(target["met"] for target in report["targets"]))
