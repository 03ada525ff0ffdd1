"""What every run has while it goes on, and what it gives when it has ended."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from evoprune.training.kernel import TORCH, Kernel


class RunSettings(Protocol):
    """What the settings of every experiment offer: they check the data, and say whether tasks can be shared out."""

    @property
    def parallel(self) -> bool: ...

    @property
    def problem(self) -> Any: ...

    @property
    def kernel(self) -> str: ...

    @property
    def memory(self) -> Mapping[str, float]: ...

    def check_data(self) -> None: ...

    def as_dict(self) -> dict[str, Any]: ...


@dataclass
class RunState:
    """A run in progress or ended: what a checkpoint holds. Every experiment adds what it evolves."""

    settings: Any
    _: KW_ONLY
    generation: int = -1  # -1: nothing has been recorded yet
    log: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    kernel: Kernel = TORCH  # what computes gradient steps, and those that did before
    earlier_kernels: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of the last generation."""
        return int(self.settings.generations)

    @property
    def ended(self) -> bool:
        """Whether all generations are done."""
        return self.generation >= self.total

    @property
    def due(self) -> bool:
        """Whether this generation leaves a checkpoint, even if it is not the last."""
        return bool(self.generation % self.settings.checkpoint_every == 0)

    @property
    def label(self) -> str:
        """What the progress bar calls the run."""
        return str(self.settings.method)


@dataclass(frozen=True)
class RunResult:
    """What a run gave: the summary, the log, and the network that ``model.pt`` holds."""

    settings: Any
    summary: dict[str, Any]
    log: pd.DataFrame
    model: Any
    directory: Path | None
