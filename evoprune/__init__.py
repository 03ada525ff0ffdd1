"""Neural-network pruning in DEAP: genomes that wrap torch modules and their masks.

The ground floor: what an individual is, how it trains, what is recorded. It imports nothing from
:mod:`evoprune.operators`, :mod:`evoprune.algorithms` or :mod:`evoprune.benchmarks`; only its doors do: the command
line, :mod:`evoprune.estimators` and :mod:`evoprune.loading`.
"""

import lazy_loader

from evoprune._finders import install
from evoprune._version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
install()
