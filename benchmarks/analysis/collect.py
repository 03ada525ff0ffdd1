"""All measures of many runs, in one table a measure."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.analysis.between import joined, run_settings
from evoprune.benchmarks.analysis.distances import activation_distance, mask_overlap, weight_distance
from evoprune.benchmarks.analysis.pairing_loss import pairing_loss
from evoprune.benchmarks.analysis.responses import similarity, similarity_over_time, unit_coverage
from evoprune.benchmarks.problems.problem import validate
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.pruning.snapshots import has_snapshots, load_snapshots

MEASURES: dict[str, Callable[..., pd.DataFrame]] = {
    "weight-distance": weight_distance,  # how far the weights of two cells lie apart
    "activation-distance": activation_distance,  # how differently two cells respond, unit by unit
    "unit-coverage": unit_coverage,  # units that never fire
    "pairing-loss": pairing_loss,  # every encoder with every decoder
    "similarity": similarity,  # debiased linear CKA between cells
    "similarity-over-time": similarity_over_time,  # debiased linear CKA of a cell with itself later
    "mask-overlap": mask_overlap,  # Jaccard index of the masks of two cells
}
"""The measures by name. Each takes a run directory, generation -> networks, or networks, and returns a tidy table."""

WEIGHTS_ONLY = ("weight-distance", "mask-overlap")  # the others need samples
TRIALS, SAMPLES = 3, 200


@dataclass
class Collected:
    """``tables``: measure -> rows of all runs, with ``variant`` and ``trial`` in front; what was used; what was not.

    ``losses`` names the training loss of each variant that was measured; ``skipped`` says of each run without networks
    why, and ``left_out`` counts further trials that were not looked at.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    losses: dict[str, str] = field(default_factory=dict)
    skipped: list[tuple[str, int, str]] = field(default_factory=list)
    left_out: int = 0


def collect(
    runs: Sequence[tuple[str, int, Path]], trials: int | None = TRIALS, samples: int | None = SAMPLES
) -> Collected:
    """Take all measures of the first ``trials`` of each variant on the first ``samples`` validation samples.

    The pairing losses are in the training loss of each run, and of its last generation only. A run that cannot be read
    is skipped, with the reason.

    :param runs: variant, trial and run directory of each; ``trials`` and ``samples`` None take all.
    """
    made: dict[str, list[pd.DataFrame]] = {name: [] for name in MEASURES}
    found, taken = Collected(), Counter[str]()
    for variant, trial, directory in runs:
        if trials is not None and taken[variant] >= trials:
            found.left_out += has_snapshots(directory)
            continue
        try:
            settings = run_settings(directory)
            measured = _measured(load_snapshots(directory), settings, samples)
        except (OSError, ValueError) as error:
            found.skipped.append((variant, trial, str(error)))
            continue
        for name, table in measured.items():
            made[name].append(pd.DataFrame({"variant": variant, "trial": trial, **table}))
        found.losses[variant] = settings.loss
        taken[variant] += 1
    found.tables |= {name: joined(parts, list(parts[0].columns)) for name, parts in made.items() if parts}
    return found


def _measured(grids: dict[int, list[Any]], settings: Settings, samples: int | None) -> dict[str, pd.DataFrame]:
    """All measures of one run."""
    validate(settings.problem, 1)
    seen = {"data": settings.problem, "limit": samples}
    options: dict[str, dict[str, Any]] = {name: {} if name in WEIGHTS_ONLY else seen for name in MEASURES}
    options["pairing-loss"] = seen | {"loss": settings.loss}
    last = {max(grids): grids[max(grids)]}
    sources = {"pairing-loss": last}  # it takes most of the time
    return {name: measure(sources.get(name, grids), **options[name]) for name, measure in MEASURES.items()}
