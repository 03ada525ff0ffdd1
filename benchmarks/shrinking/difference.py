"""Whether what was made of a network computes the same."""

from collections.abc import Mapping

import torch

from evoprune.benchmarks.shrinking.export import Call
from evoprune.data import Samples
from evoprune.evaluation import outputs_of
from evoprune.individuals import Individual

LARGEST = 1e-5
"""How far outputs may be apart, as a share of the largest one: some roundings of single precision."""


class Differs(Exception):
    """What was made of a network does not compute the same; nothing of it was written."""


def difference(individual: Individual, calls: Mapping[str, Call], samples: Samples) -> dict[str, float]:
    """For each call the largest absolute difference to what an individual gives, as a share of its largest output.

    :param calls: what gives outputs for inputs, (samples, ...) both, by name.
    :raises ValueError: where the individual gives NaN or infinity.
    :raises Differs: for the first call whose share is above :data:`LARGEST`.
    """
    largest, apart = 0.0, dict.fromkeys(calls, 0.0)
    for inputs, _ in samples.chunks():
        wanted = outputs_of(individual, inputs)
        if not bool(wanted.isfinite().all()):
            raise ValueError("the network gives NaN or infinity on the held-out data, so nothing can be made of it")
        largest = max(largest, float(wanted.abs().max()))
        for name, call in calls.items():
            with torch.no_grad():
                found = call(inputs)
            worst = float((found - wanted).abs().max()) if found.shape == wanted.shape else torch.inf
            apart[name] = max(apart[name], torch.inf if worst != worst else worst)
    shares = {name: value / largest if value and largest else value for name, value in apart.items()}
    for name, share in shares.items():
        if share > LARGEST:
            raise Differs(f"{name} differs from the network by {share:.2g} of its largest output, more than {LARGEST}")
    return shares
