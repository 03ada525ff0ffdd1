"""From a run to its front: which networks are on it, which of them are saved, and what they are worth."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune._version import __version__
from evoprune.benchmarks.fronts.candidates import LOSS, SIZES, Candidate, archive, candidates, twins
from evoprune.benchmarks.fronts.files import FILES, NETWORKS, place_of, write_files
from evoprune.benchmarks.fronts.networks import generations_of, grids, settings_of
from evoprune.benchmarks.fronts.plot import picture
from evoprune.benchmarks.fronts.thinning import thinned
from evoprune.benchmarks.pruning.measured import measured
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.checks import MOST, at_least, lookup
from evoprune.data import samples_of
from evoprune.runs.terminal import progress_bar


@dataclass(frozen=True)
class Front:
    """The front of a run: where its files are, a row a network that was saved, and a row a network that was compared.

    ``table`` is what ``front.csv`` has. ``candidates`` have its columns as far as the validation split, and ``front``:
    whether a network is on it. The loss is NaN where it was not finite.
    """

    directory: Path
    table: pd.DataFrame
    candidates: pd.DataFrame


def front(
    run: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    by: str = "weights",
    most: int = 20,
    bar: bool = False,
) -> Front:
    """Find the networks of a run that no other one beats in loss and size, and leave them with a table and a plot.

    Compared are the networks of all snapshots (``--snapshots N``), or without any those of the last generation, by
    the loss on the whole validation split and by the size. One is beaten by another that is no worse in either and
    better in one; of equal ones the first stays, by generation, then by cell. Held-out data choose nothing: they are
    measured for those that are saved.

    ``front.csv`` has a row for each of these, smallest first; ``networks/`` their files, which are as ``model.pt``, so
    that :func:`evoprune.load` reads them; ``front.json`` counts, and ``front.png`` shows all that were compared. What
    an earlier call left is replaced.

    :param run: the directory of a run of ``evoprune run`` that has ended.
    :param output: the directory of the files; by default ``front`` in that of the run.
    :param by: the size: ``"weights"`` kept, or ``"macs"``, multiply-accumulates a sample of weights that are not zero.
    :param most: save at most so many, at least 2, spread evenly over the sizes, both ends among them.
    :param bar: show the progress.
    :raises TypeError: for what is no path.
    :raises ValueError: where there is no such run, or files of it are missing or damaged; for data that are missing, a
        directory that holds something else, and a run in which no loss is finite. Nothing is written then.
    :raises WriteError: where a file cannot be written.
    """
    lookup("size to go by", by, SIZES)
    at_least("most", most, 2, whole=True, most=MOST)
    settings = settings_of(run)
    folder, below = place_of(Path(run), output)
    folder.look()
    folder.check(f"{below}{name}" for name in FILES)
    rows, found = _compared(Path(run), settings, by, bar)
    if not found:
        raise ValueError(f"{run}: none of its {len(rows)} networks has a finite loss on the validation split")
    chosen = thinned(found, [one.row[SIZES[by]] for one in found], most)
    table = _with_held_out(chosen, settings)
    compared = pd.DataFrame(rows)
    places = {(one.row["generation"], one.row["cell"]) for one in found}
    compared["front"] = [(row["generation"], row["cell"]) in places for row in rows]
    facts: dict[str, Any] = {
        "by": by,
        "most": most,
        "loss": settings.loss,
        "candidates": len(rows),
        "nonfinite": int(compared[LOSS].isna().sum()),
        "front": len(found),
        "duplicates": twins(rows, found, by),
        "networks": table.to_dict("records"),
        "version": __version__,
    }
    networks = {row["file"]: one.network for row, one in zip(facts["networks"], chosen, strict=True)}
    drawn = picture(compared, table, by, settings)
    with folder:
        write_files(folder, below, networks, settings, table, drawn, facts, bar)
    return Front(folder.path / below, table, compared)


def _compared(run: Path, settings: Settings, by: str, bar: bool) -> tuple[list[dict[str, Any]], list[Candidate]]:
    """A row for each network of a run, and the front of them, smallest first."""
    rows, best = [], archive()
    with progress_bar(len(generations_of(settings)), 0, "comparing", bar) as shown:
        for generation, grid in grids(run, settings):
            made = list(candidates(generation, grid, settings, by))
            rows += [one.row for one in made]
            best.update([one for one in made if one.finite])
            shown.update(1)
    return rows, list(reversed(best))  # it begins with the least loss, which is the largest


def _with_held_out(chosen: list[Candidate], settings: Settings) -> pd.DataFrame:
    """The rows of networks with their figures on the held-out data, named as in summaries, and their files."""
    metrics = settings.problem.metrics
    networks, samples = [one.network for one in chosen], samples_of(settings.problem, "test")
    *figures, losses = measured(networks, samples, metrics, settings.loss)
    table = pd.DataFrame([one.row for one in chosen])
    table["test_loss"] = losses
    for metric, values in zip(metrics, figures, strict=True):
        table[f"test_{metric.key}"] = values
    table["file"] = [f"{NETWORKS}{one.row['generation']:06d}-{one.row['cell']}.pt" for one in chosen]
    return table
