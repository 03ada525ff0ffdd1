"""Measurements as text."""

from collections.abc import Iterable, Mapping
from typing import Any

from evoprune.runs.terminal import text_table

TARGET = {"measured": "{value:,.2f}", "wanted": "{sign} {limit:g}", "": "{verdict}"}
MACHINE = "{cores} cores {processor}, torch {torch}, Python {python}, {threads} thread, kernel {kernel}"


def table(first: str, columns: Mapping[str, str], rows: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """A row a name, and in every column what its format makes of the row's values."""
    cells = [(name, *(column.format(**row) for column in columns.values())) for name, row in rows]
    return text_table((first, *columns), cells)


def grid(first: str, rows: Mapping[str, Mapping[str, Any]], form: str) -> str:
    """A row a name, a column a size, and in each cell what the format makes of its values; a size may be missing."""
    sizes = list(dict.fromkeys(size for row in rows.values() for size in row))
    cells = [(name, *(form.format(**row[size]) if size in row else "" for size in sizes)) for name, row in rows.items()]
    return text_table((first, *sizes), cells)


def machine_line(machine: Mapping[str, Any]) -> str:
    """What the numbers were measured on, and why it has no native kernel, if so."""
    line = MACHINE.format(**machine)
    return f"{line}\n{machine['missing']}; what needs it is left out" if machine["missing"] else line


def targets_table(targets: Iterable[Mapping[str, Any]]) -> str:
    """Each target, what was measured, and whether that will do."""
    signs, verdicts = {True: ">=", False: "<="}, {True: "ok", False: "MISSED"}
    rows = [(t["name"], {**t, "sign": signs[t["least"]], "verdict": verdicts[t["met"]]}) for t in targets]
    return table("target", TARGET, rows)
