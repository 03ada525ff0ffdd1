from .all_vs_all import all_vs_all_generations as all_vs_all_generations, eaAllVsAll as eaAllVsAll
from .generations import Generation as Generation
from .spatial import eaSpatialCoevolution as eaSpatialCoevolution, spatial_generations as spatial_generations
from .stock import canonical_generations as canonical_generations, stock_generations as stock_generations
from .topologies import complete as complete, graph as graph, ring as ring, torus as torus
