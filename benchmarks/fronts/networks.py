"""The networks that a run kept, a generation at a time."""

import os
from collections.abc import Iterator
from pathlib import Path

from evoprune.benchmarks.experiments import experiment_of
from evoprune.benchmarks.pruning.run import PRUNING, saved
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.snapshots import load_snapshots, name_of, read_settings, read_snapshot
from evoprune.checks import of_type
from evoprune.files import fitting, read_json, shown_path
from evoprune.individuals import Network
from evoprune.runs.experiment import CHECKPOINT
from evoprune.runs.stored import check_kinds

Grid = dict[int, Network]
"""Cell -> its network."""


def settings_of(run: str | os.PathLike[str]) -> Settings:
    """The settings of a run that has ended and has cells; code that they name is not run.

    :raises TypeError: for what is no path.
    :raises ValueError: where there is no such run, or it is of another experiment.
    """
    of_type("run", run, str | os.PathLike, "the path of a run directory")
    directory = Path(run)
    if not os.path.isdir(directory):
        raise ValueError(f"{shown_path(directory)}: there is no such directory; give that of a run that has ended")
    experiment = experiment_of(directory)
    if experiment is not PRUNING:
        what = f"a run of evoprune {experiment.name}, which keeps no grid of networks"
        raise ValueError(f"{directory}: {what}; give one of evoprune run")
    settings = read_settings(directory)
    if not (directory / "summary.json").is_file():
        raise ValueError(f"{directory}: this run has not ended; go on with evoprune resume, then ask for its front")
    return settings


def generations_of(settings: Settings) -> list[int]:
    """The generations of which a run has kept the networks."""
    return [n for n in range(settings.generations + 1) if saved(n, settings)] or [settings.generations]


def grids(directory: Path, settings: Settings) -> Iterator[tuple[int, Grid]]:
    """Each of these generations and its networks, one generation in memory at a time.

    They are those of the snapshots, the last generation's among them. A run without snapshots has its checkpoint, and
    where that is gone the network of ``model.pt``.

    :raises ValueError: for a file that is missing, damaged or of another run.
    """
    if settings.snapshots:
        for number in generations_of(settings):
            path = directory / name_of(number)
            generation, networks = read_snapshot(path, settings)
            if generation != number or len(networks) != settings.cells:
                found = f"{len(networks)} of generation {generation}"
                raise ValueError(f"{path}: expected {settings.cells} networks of generation {number}, got {found}")
            yield number, dict(enumerate(networks))
    elif (directory / CHECKPOINT).is_file():
        for number, networks in load_snapshots(directory).items():
            yield number, dict(enumerate(networks))
    else:
        model = PRUNING.load_model(directory / "model.pt")
        path = directory / "summary.json"
        summary = read_json(path)
        with fitting(path):
            check_kinds(summary, {"model_cell": int})
        yield settings.generations, {summary["model_cell"]: model}
