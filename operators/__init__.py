"""Operators in the DEAP convention: pruning and training as mutations, and the schedules that say when.

What belongs here: functions that change an individual in place and return it in a tuple, with the three parts of
pruning (scores, choice, schedule), each written once. What does not: loops over generations
(:mod:`evoprune.algorithms`) and anything that knows a data set (:mod:`evoprune.benchmarks`).

A new pruning operator is a new score in a new file: `prune_magnitude.py` is the shortest to start from, `prune_lowest`
in `choice.py` does the rest, and a line in `registry.py` gives it a name and the tests that every operator passes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
