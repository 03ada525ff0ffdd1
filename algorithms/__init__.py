"""Evolutionary algorithms that DEAP lacks: coevolution in space, and all against all.

What belongs here: loops over generations, and the neighbourhoods they run on. What does not: a loop that DEAP has
already (the canonical baseline calls its ``eaSimple``), and anything that knows a data set.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
