"""What the measurements say, as text."""

from collections.abc import Sequence
from typing import Any

Row = Sequence[str]


def speed_table(report: dict[str, Any]) -> str:
    """The report of :func:`~evoprune.benchmarks.bench.speed.measure_speed`."""
    work, rates = report["work"], report["rates"]
    heads = ("one update", "us", "low to high", "updates/s", "x plain adam", "x floor", "arithmetic us", "memory us")
    rows = [
        (
            name,
            number(row["microseconds"]["median"]),
            between(row["microseconds"]),
            f"{row['updates_per_second']:,.0f}",
            number(row["speedup"]["median"], 2),
            number(row["times_floor"]["median"], 2),
            number(row["arithmetic_microseconds"]),
            number(row["memory_microseconds"]),
        )
        for name, row in (report["plain"] | report["population"]).items()
    ]
    blocks = [
        _machine(report["machine"]) + ", seconds of the processor",
        f"An update: {work['operations']:,} operations, {work['parameters']:,} parameters; medians of "
        f"{rates['gigaflops']['repeats']} rounds",
        grid(heads, rows),
        "Rates: " + ", ".join(f"{name} {number(r['median'])} ({between(r)})" for name, r in rates.items()),
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


def scaling_table(report: dict[str, Any]) -> str:
    """The report of :func:`~evoprune.benchmarks.bench.scaling.measure_scaling`."""
    heads = ("level", "engine", "serial s", "engine s", "low to high", "x serial", "with start-up", "same result")
    rows = [
        (
            level,
            engine,
            number(row["serial"]["median"], 2),
            number(row["seconds"]["median"], 2),
            between(row["seconds"], 2),
            number(row["speedup"]["median"], 2),
            number(row["speedup_with_start"], 2),
            "yes" if row["same"] else "NO",
        )
        for engine, levels in report["engines"].items()
        for level, row in levels["levels"].items()
    ]
    costs = report["costs"]
    lines = [
        f"A cell and generation: {1e3 * costs['cell_seconds']:.1f} ms of work in a worker, "
        f"{1e3 * costs['log_seconds']:.2f} ms of bookkeeping at the origin; "
        f"{costs['bytes_out'] / 1e6:.2f} MB go out and {costs['bytes_back'] / 1e6:.2f} MB come back",
    ]
    for engine, levels in report["engines"].items():
        ship = levels["shipping"]
        lines.append(
            f"{engine}: start {levels['start']:.1f} s, empty task {1e3 * ship['round_trip']:.2f} ms, shipping a cell "
            f"{1e3 * ship['cell_seconds']:.2f} ms: cells pay up to about {ship['workers']:.0f} workers"
        )
    head = f"{_machine(report['machine'])}; {report['workers']} workers, {report['rounds']} rounds, wall clock"
    return "\n\n".join([head, grid(heads, rows), "\n".join(lines), targets_table(report["targets"])])


def targets_table(targets: Sequence[dict[str, Any]]) -> str:
    """Each target, what was measured, and whether that will do."""
    rows = [
        (
            t["name"],
            number(t["value"], 2),
            f"{'>=' if t['least'] else '<='} {t['limit']:g}",
            "ok" if t["met"] else "MISSED",
        )
        for t in targets
    ]
    return grid(("target", "measured", "wanted", ""), rows)


def grid(heads: Row, rows: Sequence[Row]) -> str:
    """Columns under their heads, the first to the left and the others to the right."""
    lines = [heads, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines
    )


def number(value: float, digits: int = 1) -> str:
    """A number with thousands set apart."""
    return f"{value:,.{digits}f}"


def between(values: dict[str, Any], digits: int = 1) -> str:
    """The smallest and the largest of the rounds."""
    return f"{number(values['low'], digits)} to {number(values['high'], digits)}"


def _growth(what: str, table: dict[str, dict[str, Any]]) -> str:
    sizes = list(next(iter(table.values())))
    rows = [(name, *(number(costs[n]["median"]) for n in sizes)) for name, costs in table.items()]
    repeats = next(iter(next(iter(table.values())).values()))["repeats"]
    return grid((f"us an update, {what}", *sizes), rows) + f"\n(medians of {repeats} rounds)"


def _machine(machine: dict[str, Any]) -> str:
    return "{cores} cores {processor}, torch {torch}, Python {python}, {threads} thread".format(**machine)
