"""Architecture search as an experiment: a genetic algorithm designs an autoencoder for images.

What belongs here: its settings, its loop, its run directory and its command. What does not: the genome
(:mod:`evoprune.architecture`) and its operators (:mod:`evoprune.operators.architecture`), which work in any toolbox.
"""

from evoprune.benchmarks.architectures.run import Result, load_model, resume, start
from evoprune.benchmarks.architectures.settings import ArchitectureSettings, make_settings

__all__ = ["ArchitectureSettings", "Result", "load_model", "make_settings", "resume", "start"]
