"""Neural-network pruning in DEAP: genomes that wrap torch modules and their masks.

The ground floor: what an individual is, how it trains, what is recorded. It imports nothing from
:mod:`evoprune.operators`, :mod:`evoprune.algorithms` or :mod:`evoprune.benchmarks`; only the command line does.
"""

from evoprune._version import __version__
from evoprune.fitness import MinimizeLoss
from evoprune.genome import Autoencoder, Decoder, Encoder, Genome, similar

__all__ = ["Autoencoder", "Decoder", "Encoder", "Genome", "MinimizeLoss", "__version__", "similar"]
