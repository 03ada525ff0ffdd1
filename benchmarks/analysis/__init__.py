"""What networks are like inside: distances, dead units, pairings, similarity of representations, overlap of masks.

What belongs here: measures that take run directories or pairs and return tidy tables, figures of those tables, and the
section of the report made from them. What does not: scores that operators prune by, and what a run logs anyway.
"""

from evoprune.benchmarks.analysis.collect import MEASURES, Collected, collect
from evoprune.benchmarks.analysis.distances import activation_distance, mask_overlap, weight_distance
from evoprune.benchmarks.analysis.figures import matrix, plot_matrices, plot_over_time, quartiles
from evoprune.benchmarks.analysis.page import section
from evoprune.benchmarks.analysis.pairing_loss import own_decoder, pairing_loss
from evoprune.benchmarks.analysis.responses import cka, similarity, similarity_over_time, unit_coverage

__all__ = [
    "MEASURES",
    "Collected",
    "activation_distance",
    "cka",
    "collect",
    "mask_overlap",
    "matrix",
    "own_decoder",
    "pairing_loss",
    "plot_matrices",
    "plot_over_time",
    "quartiles",
    "section",
    "similarity",
    "similarity_over_time",
    "unit_coverage",
    "weight_distance",
]
