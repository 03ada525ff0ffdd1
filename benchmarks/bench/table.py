"""What the measurements say, as text."""

from collections.abc import Iterable, Mapping
from typing import Any

from evoprune.runs.terminal import text_table

UPDATE = {
    "us": "{microseconds[median]:,.1f}",
    "low to high": "{microseconds[low]:,.1f} to {microseconds[high]:,.1f}",
    "updates/s": "{updates_per_second:,.0f}",
    "x plain adam": "{speedup[median]:,.2f}",
    "x floor": "{times_floor[median]:,.2f}",
    "arithmetic us": "{arithmetic_microseconds:,.1f}",
    "memory us": "{memory_microseconds:,.1f}",
}
"""The head of each column, and a row's values below it."""
LEVEL = {
    "engine": "{engine}",
    "serial s": "{serial[median]:,.2f}",
    "engine s": "{seconds[median]:,.2f}",
    "low to high": "{seconds[low]:,.2f} to {seconds[high]:,.2f}",
    "x serial": "{speedup[median]:,.2f}",
    "with start-up": "{speedup_with_start:,.2f}",
    "same result": "{verdict}",
}
TARGET = {"measured": "{value:,.2f}", "wanted": "{sign} {limit:g}", "": "{verdict}"}
RATE = "{median:,.1f} ({low:,.1f} to {high:,.1f})"
MACHINE = "{cores} cores {processor}, torch {torch}, Python {python}, {threads} thread"


def speed_table(report: Mapping[str, Any]) -> str:
    """The report of :func:`~evoprune.benchmarks.bench.speed.measure_speed`."""
    rates = report["rates"]
    blocks = [
        MACHINE.format(**report["machine"]) + ", seconds of the processor",
        "An update: {operations:,} operations, {parameters:,} parameters".format(**report["work"])
        + f"; medians of {rates['gigaflops']['repeats']} rounds",
        _table("one update", UPDATE, (report["plain"] | report["population"]).items()),
        "Rates: " + ", ".join(f"{name} {RATE.format(**rate)}" for name, rate in rates.items()),
        _growth("cells", report["cells"]),
        _growth("inputs", report["inputs"]),
        "\n".join(
            f"Peak memory of {m['cells']:,} cells, {name}: {m['bytes'] / 1e6:,.0f} MB, of which weights "
            f"{m['weights'] / 1e6:,.0f} MB; limit {m['limit'] / 1e6:,.0f} MB"
            for name, m in report["memory"].items()
        ),
        "Outside training, at the paper's settings: {share:.1%} of a run: in the cells {cells:.1%}, between "
        "generations {logging:.1%} ({generations} generations, {seconds:.1f} s)".format(**report["outside"]),
        targets_table(report["targets"]),
    ]
    return "\n\n".join(blocks)


def scaling_table(report: Mapping[str, Any]) -> str:
    """The report of :func:`~evoprune.benchmarks.bench.scaling.measure_scaling`."""
    rows = [
        (level, row | {"engine": engine, "verdict": "yes" if row["same"] else "NO"})
        for engine, measured in report["engines"].items()
        for level, row in measured["levels"].items()
    ]
    costs = report["costs"]
    lines = [
        f"A cell and generation: {1e3 * costs['cell_seconds']:.1f} ms of work in a worker, "
        f"{1e3 * costs['log_seconds']:.2f} ms of bookkeeping at the origin; "
        f"{costs['bytes_out'] / 1e6:.2f} MB go out and {costs['bytes_back'] / 1e6:.2f} MB come back"
    ]
    for engine, measured in report["engines"].items():
        ship = measured["shipping"]
        lines.append(
            f"{engine}: start {measured['start']:.1f} s, empty task {1e3 * ship['round_trip']:.2f} ms, shipping a cell "
            f"{1e3 * ship['cell_seconds']:.2f} ms: cells pay up to about {ship['workers']:.0f} workers"
        )
    machine = MACHINE.format(**report["machine"])
    head = f"{machine}; {report['workers']} workers, {report['rounds']} rounds, wall clock"
    return "\n\n".join([head, _table("level", LEVEL, rows), "\n".join(lines), targets_table(report["targets"])])


def targets_table(targets: Iterable[Mapping[str, Any]]) -> str:
    """Each target, what was measured, and whether that will do."""
    signs, verdicts = {True: ">=", False: "<="}, {True: "ok", False: "MISSED"}
    rows = [(t["name"], {**t, "sign": signs[t["least"]], "verdict": verdicts[t["met"]]}) for t in targets]
    return _table("target", TARGET, rows)


def _growth(what: str, table: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [(name, *(f"{cost['median']:,.1f}" for cost in costs.values())) for name, costs in table.items()]
    sizes = next(iter(table.values()))
    repeats = next(iter(sizes.values()))["repeats"]
    return text_table((f"us an update, {what}", *sizes), rows) + f"\n(medians of {repeats} rounds)"


def _table(first: str, columns: Mapping[str, str], rows: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """A row a name, and in every column what its format makes of the row's values."""
    cells = [(name, *(column.format(**row) for column in columns.values())) for name, row in rows]
    return text_table((first, *columns), cells)
