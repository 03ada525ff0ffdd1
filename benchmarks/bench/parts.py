"""The parts of ``evoprune bench``: each measures, says which targets it met, and puts its figures into text."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from evoprune.benchmarks.bench import card, classifiers, growth, kept, run, scaling, speed
from evoprune.benchmarks.bench.machine import machine
from evoprune.benchmarks.bench.scope import Scope
from evoprune.benchmarks.bench.table import machine_line, targets_table


class Part(NamedTuple):
    """``measure(scope)`` gives plain values, ``targets`` among them, and ``text(values)`` what is printed."""

    measure: Callable[[Scope], dict[str, Any]]
    text: Callable[[dict[str, Any]], str]


PARTS = {
    "speed": Part(speed.measure, speed.text),
    "classifiers": Part(classifiers.measure, classifiers.text),
    "kept": Part(kept.measure, kept.text),
    "growth": Part(growth.measure, growth.text),
    "run": Part(run.measure, run.text),
    "scaling": Part(scaling.measure, scaling.text),
}
CARD = {"card": Part(card.measure, card.text)}
"""What is measured in place of them on another device than the processor."""


def measure(names: Sequence[str], scope: Scope, say: Callable[[str], object] = lambda text: None) -> dict[str, Any]:
    """The machine, the parts with these names, and the targets of all of them.

    :param say: is given each part as tables, when it has been measured, and the targets at the end.
    """
    report: dict[str, Any] = {"machine": machine(), "parts": {}, "targets": []}
    say(machine_line(report["machine"]))
    for name in names:
        part = (PARTS | CARD)[name]
        values = part.measure(scope)
        report["targets"] += values.pop("targets")
        report["parts"][name] = values
        say(f"\n{part.text(values)}")
    if report["targets"]:
        say(f"\n{targets_table(report['targets'])}")
    return report
