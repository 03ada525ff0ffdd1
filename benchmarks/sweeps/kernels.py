"""The kernel of every variant of a study: found once, where the sweep begins, and kept however often it goes on."""

import dataclasses
from pathlib import Path

from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.sweeps.plan import Plan, load_plan
from evoprune.runs.kernels import check_here


def settled(plan: Plan, directory: str | Path, other: str | None = None) -> Plan:
    """The plan with the kernels of its variants: those of the study that is there, and new ones for further variants.

    :param other: have what is left done with this kernel instead.
    :raises ValueError: for a kernel that this machine has not, or that rounds otherwise here, before any work.
    """
    place, experiment = Path(directory), EXPERIMENTS[plan.experiment]
    there = load_plan(place) if (place / "study.json").exists() else plan
    known = there.kernels if other is None else {}
    kernels = {}
    for name, values in plan.variants.items():
        # The settings that are there know more: of a study without kernels that torch did its runs.
        settings = experiment.stored_settings(there.variants.get(name, values))
        kernels[name] = known.get(name) or experiment.kernel_of(settings, other)
        check_here(kernels[name], place)
    return dataclasses.replace(plan, kernels=kernels)
