"""The kinds of experiments by name: what a sweep repeats, and what ``evoprune resume`` continues."""

import json
from pathlib import Path
from typing import Any

from evoprune.benchmarks.architectures.run import ARCHITECTURES
from evoprune.benchmarks.pruning.run import PRUNING
from evoprune.benchmarks.weights.run import WEIGHTS
from evoprune.checks import lookup
from evoprune.runs.experiment import DEFAULT, Experiment

__all__ = ["DEFAULT", "EXPERIMENTS", "AnyExperiment", "experiment_of"]

AnyExperiment = Experiment[Any, Any, Any, Any]

EXPERIMENTS: dict[str, AnyExperiment] = {
    experiment.name: experiment for experiment in (PRUNING, WEIGHTS, ARCHITECTURES)
}
"""Name -> experiment. ``settings.json`` carries the name under ``experiment``, save for the default."""


def experiment_of(directory: str | Path) -> AnyExperiment:
    """The kind of experiment that left a run directory.

    :raises ValueError: where no settings are, or they cannot be read, or name an experiment that does not exist.
    """
    path = Path(directory) / "settings.json"
    try:
        settings = json.loads(path.read_text())
    except FileNotFoundError:
        return PRUNING  # the experiment itself says what it misses
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot read the settings ({error})") from error
    return lookup("experiment", settings.get("experiment", DEFAULT), EXPERIMENTS)
