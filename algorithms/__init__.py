"""Evolutionary algorithms that DEAP lacks: coevolution in space, and all against all.

What belongs here: loops over generations, and the neighbourhoods they run on. What does not: a loop that DEAP has
already (the canonical baseline is its own ``eaSimple``), and anything that knows a data set.
"""

from evoprune.algorithms.all_vs_all import all_vs_all_generations, eaAllVsAll
from evoprune.algorithms.spatial import Generation, eaSpatialCoevolution, spatial_generations
from evoprune.algorithms.topologies import complete, graph, ring, torus

__all__ = [
    "Generation",
    "all_vs_all_generations",
    "complete",
    "eaAllVsAll",
    "eaSpatialCoevolution",
    "graph",
    "ring",
    "spatial_generations",
    "torus",
]
