"""What a sweep will take: two generations of every kind of run are timed, and multiplied."""

import time
from collections.abc import Sequence
from statistics import fmean

from evoprune.benchmarks.pruning.experiment import generations, make_toolbox
from evoprune.benchmarks.pruning.networks import initial_grid
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.sweeps.plan import Run
from evoprune.training.kernel import Kernel

MOST = 12
"""Kinds of runs that are timed; others are taken for their mean."""
START = 0.5  # seconds that a run takes beside its generations
COST = (
    *("algorithm", "opponents", "cells", "offspring", "radius", "batch_size", "benchmark", "benchmark_options", "task"),
    *("data", "network", "decoder", "optimizer", "loss", "corruption", "device", "kernel"),
)
"""The settings that decide what a generation costs."""


def seconds_for(runs: Sequence[Run], workers: int = 1) -> float:
    """Seconds that runs of the default experiment will take on this machine, about; shared out over the workers.

    A generation's cost is measured as it is now, with whatever else the machine does.
    """
    kernels = [run.kernel for run in runs]
    settings = [Settings.stored(run.settings) for run in runs]
    keys = [tuple(str(getattr(each, name)) for name in COST) for each in settings]
    kinds = dict(zip(keys, zip(settings, kernels, strict=True), strict=True))
    if not kinds:
        return 0.0
    measured = {key: generation_seconds(*kinds[key]) for key in list(kinds)[:MOST]}
    mean = fmean(measured.values())
    times = [START + each.generations * measured.get(key, mean) for key, each in zip(keys, settings, strict=True)]
    # A run is not divided: with fewer runs than workers the longest decides.
    return max(sum(times) / workers, max(times))


def generation_seconds(settings: Settings, kernel: Kernel | None = None) -> float:
    """Seconds of a generation: the second of two, so that nothing is paid that is paid once a run."""
    probability = settings.scheduled
    grid = initial_grid(settings)
    clock = 0.0
    for generation in generations(settings, grid, make_toolbox(settings, probability, kernel), 0):
        now = time.perf_counter()
        if generation.number == min(2, settings.generations):
            return now - clock
        clock = now
        probability.observe()
    raise AssertionError("a run has at least one generation")


def words(seconds: float) -> str:
    """``"about 2 h 5 min"``."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    return "about " + " ".join([f"{hours} h"] * (hours > 0) + [f"{minutes} min"] * (minutes > 0))
