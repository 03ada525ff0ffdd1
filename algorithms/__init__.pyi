from .all_vs_all import all_vs_all_generations, eaAllVsAll
from .canonical import canonical_generations
from .generations import Generation
from .spatial import eaSpatialCoevolution, spatial_generations
from .topologies import complete, graph, ring, torus

__all__ = [
    "Generation",
    "all_vs_all_generations",
    "canonical_generations",
    "complete",
    "eaAllVsAll",
    "eaSpatialCoevolution",
    "graph",
    "ring",
    "spatial_generations",
    "torus",
]
