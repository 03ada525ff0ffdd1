"""What pruning operators take beside an individual, on samples that it reads; all of it pickles."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from evoprune.activations import ActivationProbe
from evoprune.training.gradients import batch_gradients
from evoprune.training.programs import gradients


def squared(output: Tensor, target: Tensor) -> Tensor:
    """A loss of outputs of any shape, whatever the target."""
    return output.square()


@dataclass(frozen=True, eq=False)
class Gradients:
    samples: Tensor

    def __call__(self, individual: Any) -> Any:
        return gradients([individual], self.samples, self.samples, squared)[0]


@dataclass(frozen=True, eq=False)
class BatchGradients:
    samples: Tensor

    def __call__(self, individual: Any) -> Any:
        batches = [(part, part) for part in self.samples.chunk(2)]
        return batch_gradients([individual], batches, squared)[0]


def taken(operator: Callable[..., Any], samples: Tensor, **more: Any) -> dict[str, Any]:
    """What an operator takes of what is known by samples, and of what else is offered."""
    parameters = inspect.signature(operator).parameters
    known: dict[str, Any] = {
        "activations": ActivationProbe(samples),
        "gradients": Gradients(samples),
        "batch_gradients": BatchGradients(samples),
        "rounds": 5,
    }
    if "samples" in parameters and parameters["samples"].default is inspect.Parameter.empty:
        known["samples"] = samples
    return {name: value for name, value in (known | more).items() if name in parameters}
