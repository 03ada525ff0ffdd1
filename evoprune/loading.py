"""The network of a run, back in a script.

A door, as the command line is: it may import from every folder, and nothing imports it.
"""

import os

from evoprune.benchmarks.experiments import stored_model
from evoprune.individuals import Network

__all__ = ["load"]


def load(run_or_model: str | os.PathLike[str]) -> Network:
    """The network that a run left, with its masks: of ``evoprune run``, ``weights`` or ``architectures``.

    It needs neither the data of the run nor code that its settings name.

    :param run_or_model: the directory of a run that has ended, or its ``model.pt``, wherever that is.
    :returns: an :class:`~evoprune.Autoencoder`, or of a network for classes or values a :class:`~evoprune.Network`.
    :raises TypeError: for what is no path.
    :raises ValueError: where there is no model, or one that is damaged or something else.
    """
    individual: Network = stored_model(run_or_model).individual
    return individual
