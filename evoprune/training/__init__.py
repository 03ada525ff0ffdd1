"""Training of whole populations: many networks of one structure as one tensor program, masks respected.

What belongs here: gradient steps, what they are computed by, optimizers, and batches. What does not: when an algorithm
trains (:mod:`evoprune.algorithms`) and on which data (:mod:`evoprune.benchmarks`).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
