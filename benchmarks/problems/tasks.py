"""What a network may be asked to make of a sample, and what follows from it where nothing else is said."""

from dataclasses import dataclass

from evoprune.metrics import ACCURACY, ERROR, L1, R2, Metric


@dataclass(frozen=True)
class Task:
    """A task: the data that its targets are, its loss, the output before that, and what its reports show.

    ``targets`` is ``"labels"``, ``"values"`` or, for the samples themselves, empty. ``target_preserved`` is the share
    of weights that a run aims at.
    """

    line: str
    targets: str
    loss: str
    output: str
    metrics: tuple[Metric, ...]
    target_preserved: float


TASKS: dict[str, Task] = {
    "reconstruction": Task("give the sample back", "", "bce", "sigmoid", (L1,), 0.2),
    "classification": Task("tell its class", "labels", "cross-entropy", "identity", (ACCURACY, ERROR), 0.1),
    "regression": Task("predict its values", "values", "mse", "identity", (R2, L1), 0.1),
}
