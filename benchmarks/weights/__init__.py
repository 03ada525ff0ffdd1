"""Tied autoencoders whose weights a GA trains, layer by layer, beside gradient descent alone.

After David and Greental, "Genetic Algorithms for Evolving Deep Neural Networks", GECCO 2014 companion (arXiv
1711.07655). What belongs here: settings, run, figures and command of ``evoprune weights``. The network is
:mod:`evoprune.tied`, the operators are :mod:`evoprune.operators.weights`.
"""

from evoprune.benchmarks.weights.run import load_model, resume, start
from evoprune.benchmarks.weights.settings import WeightsSettings, make_settings

__all__ = ["WeightsSettings", "load_model", "make_settings", "resume", "start"]
