"""TRIALS: what an individual carries of the operators tried on it, until its fitness says what they were worth.

The record is a dict of plain values in the individual's attribute `trials`, by the name of who tried. So it travels as
the individual does: through clones, to workers and back, into checkpoints.

A trial is open from the call of the operator until the individual is evaluated again, which is when its fitness is
another one. Where it is the same there are two ways. In DEAP's algorithms, which evaluate after the mutation, nothing
was lost. In those that evaluate before it, such as eaSpatialCoevolution, only the child will be evaluated. So an open
trial whose fitness is the same waits once: the next time it is looked at, a generation later, it counts as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from evoprune.fitness import WORST, finite
from evoprune.individuals import genomes
from evoprune.operators.credit import NOTHING

Trial: TypeAlias = tuple[int, float, int]
"""The operator's number, the draw that chose it, which tells trials apart, and how many weights it removed."""
Outcome: TypeAlias = tuple[int, float, float]
"""The operator's number, the draw, and what the trial gained."""
Record: TypeAlias = dict[str, Any]


def begin(individual: Any, made: Any, name: str, trial: Trial) -> Record | None:
    """Note on ``made`` that an operator was tried on ``individual``, which it is itself as a rule.

    :param name: who tried.
    :returns: the record, or None where nothing is noted: without a finite fitness there is nothing to compare with.
    """
    if not hasattr(made, "fitness"):
        return None
    now = values_of(individual)
    fresh = {"before": now, "waited": False, "open": [], "outcomes": []}
    record: Record = getattr(individual, "trials", {}).get(name, fresh)
    number, draw, removed = trial
    if not now:
        record["open"] = []  # after a crossover: what comes is not the operator's merit alone
    elif now != record["before"] or record["waited"]:
        settle(record, now)
    if removed <= 0:
        record["outcomes"].append((number, draw, NOTHING))  # otherwise not to prune would always be best
    elif now and is_sound(now):
        if not record["open"]:
            record["before"], record["waited"] = now, False
        record["open"].append(trial)
    if not record["open"] and not record["outcomes"]:
        return None
    made.trials = {**getattr(made, "trials", {}), name: record}
    return record


def collect(individual: Any, name: str) -> list[Outcome]:
    """The outcomes on an individual of a population, which it carries no longer; whoever is open waits from now on."""
    table: dict[str, Record] = getattr(individual, "trials", {})
    record, now = table.get(name), values_of(individual)
    if record is None or not now:
        return []
    if now != record["before"] or record["waited"]:
        settle(record, now)
    record["waited"] = True
    if not record["open"]:
        del table[name]
    if not table:
        del individual.trials
    return taken(record)


def open_draws(individual: Any, name: str) -> set[float]:
    """The draws of the trials that are open on an individual."""
    record: Record = getattr(individual, "trials", {}).get(name, {"open": []})
    return {draw for _, draw, _ in record["open"]}


def settle(record: Record, now: Sequence[float]) -> None:
    """Turn open trials into outcomes, ``now`` being the weighted fitness values after them.

    What is gained is the improvement of the first objective for each weight removed; operators that were tried one
    after the other share it.
    """
    removed = sum(count for _, _, count in record["open"])
    for number, draw, _ in record["open"]:
        gain = (now[0] - record["before"][0]) / removed if is_sound(now) else NOTHING
        record["outcomes"].append((number, draw, gain))
    record["open"] = []


def taken(record: Record) -> list[Outcome]:
    """The outcomes of a record, which it has no longer."""
    outcomes, record["outcomes"] = record["outcomes"], []
    return outcomes


def values_of(individual: Any) -> tuple[float, ...]:
    """The weighted fitness values of an individual, larger is better; none where it has no valid fitness."""
    return weighted(getattr(individual, "fitness", None))


def weighted(fitness: Any) -> tuple[float, ...]:
    """The same of a fitness."""
    return tuple(map(float, getattr(fitness, "wvalues", ())))


def is_sound(values: Sequence[float]) -> bool:
    """Whether all values are finite, and none of them stands for one that is not."""
    return all(finite(value) != WORST for value in values)


def weights_of(individual: Any) -> int | None:
    """How many weights an individual keeps; None for one that is made of no genomes."""
    try:
        parts = genomes(individual)
    except TypeError:
        return None
    return sum(genome.sizes[0] for genome in parts)
