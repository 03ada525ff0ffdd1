"""A study directory, as ``evoprune sweep`` leaves it."""

from dataclasses import dataclass

from evoprune.benchmarks.report.find import STUDY, Place
from evoprune.benchmarks.report.read import DAMAGED, ENDED, FAILED, Record, read_json, read_run, read_table
from evoprune.benchmarks.report.variants import flat
from evoprune.benchmarks.sweeps.plan import FORMAT, Plan


@dataclass
class Study:
    """A study: what was planned, and the runs that are there."""

    place: str
    plan: Plan
    records: list[Record]


def read_study(place: Place) -> Study:
    """The study in a directory, with its runs; a run whose folder is gone comes from ``results.csv``.

    :raises ValueError: for a ``study.json`` that is damaged or of another format.
    """
    path = place.path / STUDY
    values = read_json(path)
    if values.get("format") != FORMAT:
        raise ValueError(f"{path}: expected format {FORMAT!r}, got {values.get('format')!r}")
    try:
        kind = str(values.get("experiment", Plan.experiment))
        variants = {name: flat(settings, kind) for name, settings in values["variants"].items()}
        i, n = values.get("shard") or (1, 1)
        plan = Plan(variants, values["trials"], values["seed"], kind, (i, n))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a study ({type(error).__name__}: {error})") from error
    found: dict[tuple[str, int], Record] = {}
    for record in [*_folders(place, plan), *_rows(place, plan)]:
        found.setdefault((record.variant, record.trial), record)
    return Study(place.shown, plan, list(found.values()))


def _folders(place: Place, plan: Plan) -> list[Record]:
    records = []
    for variant in plan.variants:
        for folder in sorted((place.path / "runs" / variant).glob("*")):
            if folder.is_dir() and folder.name.isdigit():
                record = read_run(Place(folder, f"{place.shown}/runs/{variant}/{folder.name}"))
                record.variant, record.trial = variant, int(folder.name)
                records.append(record)
    return records


def _rows(place: Place, plan: Plan) -> list[Record]:
    """The runs in the study's table, with their times; none where it cannot be read."""
    shown = f"{place.shown}/results.csv"
    if not (place.path / "results.csv").exists():
        return []
    try:
        table = read_table(place.path / "results.csv")
        if (place.path / "times.csv").exists():
            times = read_table(place.path / "times.csv")[["variant", "trial", "seconds"]]
            table = times.merge(table, "right", ["variant", "trial"])
        table = table[table["variant"].isin(list(plan.variants))]
        records = []
        for row in table.astype(object).where(table.notna(), None).to_dict("records"):
            record = Record(shown, ENDED, variant=str(row.pop("variant")), trial=int(row.pop("trial")))
            status, error = row.pop("status"), row.pop("error", None)
            if status == ENDED:
                record.summary = {str(name): value for name, value in row.items()}
            else:
                record.status, record.message = FAILED, str(error or "no error was recorded")
            records.append(record)
    except (KeyError, ValueError, TypeError) as error:
        return [Record(shown, DAMAGED, f"cannot be used ({error})")]
    return records
