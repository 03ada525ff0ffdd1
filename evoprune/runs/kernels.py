"""The kernel of a run: what its setting comes to when it begins, what is stored of it, and another one later."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evoprune.checks import lookup
from evoprune.individuals import Individual
from evoprune.runs.state import RunState
from evoprune.runs.stored import check_kinds
from evoprune.training.kernel import KERNELS, TORCH, Kernel, check_takes, kernel_for

AUTO = "auto"
WHAT = "what computes gradient steps; " + "; ".join(f"{name}: {line}" for name, line in KERNELS.items())
"""The setting, for its help."""
BEFORE = {"kernel": TORCH.name}
"""What is missing in settings that were stored before there was a choice."""


@dataclass(frozen=True)
class Trained:
    """An individual such as a run trains, and how: what a kernel is asked whether it takes."""

    individual: Individual
    loss: str
    optimizer: str
    device: str = "cpu"
    opponents: bool = False  # that are drawn for every batch


def kernel_of(asked: str, trained: Callable[[], Trained]) -> Kernel:
    """What the setting of a run comes to here: ``auto`` is torch where the native kernel does not take its networks.

    :raises ValueError: for an unknown kernel, and ``native`` where it is not here or takes none of them.
    """
    kernel = kernel_for(asked)
    if kernel == TORCH:
        return TORCH
    run = trained()
    try:
        check_takes(kernel, run.individual, run.loss, run.optimizer, run.device, run.opponents)
    except ValueError:
        if asked != AUTO:
            raise
        return TORCH
    return kernel


def go_on(state: RunState, other: Kernel | None, directory: Path) -> None:
    """See that a run can go on with its own kernel, or have it go on with another one.

    :raises ValueError: where this machine has not its own, or one that rounds otherwise.
    """
    if other is not None and (other.name, other.arithmetic) != (state.kernel.name, state.kernel.arithmetic):
        if state.generation > 0:
            state.earlier_kernels.append(f"{state.kernel} to generation {state.generation}")
        state.kernel = other
    check_here(state.kernel, directory)


def check_here(kernel: Kernel, directory: Path) -> None:
    """See that this machine has the kernel of a run or a study.

    :raises ValueError: which says how to go on without it.
    """
    try:
        kernel_for(kernel)
    except ValueError as error:
        goes_on = f"evoprune resume {directory} --kernel {TORCH.name}"
        raise ValueError(
            f"{directory} was begun with another kernel: {error}; to go on all the same: {goes_on}"
        ) from None


def as_stored(kernel: Kernel) -> dict[str, str]:
    """A kernel as plain values."""
    return dataclasses.asdict(kernel)


def from_stored(values: Any) -> Kernel:
    """The kernel that :func:`as_stored` gave.

    :raises ValueError: naming what is missing or of another kind.
    """
    names = [field.name for field in dataclasses.fields(Kernel)]
    check_kinds(values, dict.fromkeys(names, str))
    lookup("kernel", values["name"], {name: line for name, line in KERNELS.items() if name != AUTO})
    return Kernel(**{name: values[name] for name in names})


def stored(state: RunState) -> dict[str, Any]:
    """What a checkpoint holds of the kernels of a run."""
    return {"kernel": as_stored(state.kernel), "earlier_kernels": state.earlier_kernels}


def restore(state: RunState, stored: Mapping[str, Any]) -> None:
    """Take over what :func:`stored` gave; a checkpoint that knows of no kernels was made by torch.

    :raises ValueError: naming what is of another kind.
    """
    if "kernel" in stored:
        check_kinds(stored, {"earlier_kernels": list})
        if not all(isinstance(text, str) for text in stored["earlier_kernels"]):
            raise ValueError(f"earlier_kernels must be texts, got {stored['earlier_kernels']!r}")
        state.kernel, state.earlier_kernels = from_stored(stored["kernel"]), stored["earlier_kernels"]


def summary(state: RunState) -> dict[str, Any]:
    """What ``summary.json`` says of them: the last one and its variant, and those before it where there were some."""
    earlier = {"earlier_kernels": state.earlier_kernels} if state.earlier_kernels else {}
    return {"kernel": state.kernel.name, "kernel_variant": state.kernel.variant or None, **earlier}
