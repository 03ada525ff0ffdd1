"""What the settings of a run choose from, and the settings of the paper."""

from typing import Any

from evoprune.operators.courses import COURSES

SEMANTICS = {
    "persistent": "a pruned weight stays pruned",
    "reference": "what the paper's code does: pruned weights are set to zero once and grow again",
}
TOPOLOGIES = {"ring": "cells on a ring", "torus": "cells on a torus, as square as their number allows"}
ENDINGS = {
    "constant": "the rate stays",
    "step": "the rate falls to a tenth at every quarter of the run",
    "walk": "the rate moves by a normal step every generation, as a cell's does",
}
DEVICES = {"cpu": "the processor", "cuda": "the graphics card", "auto": "cuda where there is one, else cpu"}

CHOICES = {
    "cells": "cells have operators in turn",
    "matching": "probabilities in proportion to what operators earn (probability matching)",
    "pursuit": "the best operator most of the time (adaptive pursuit)",
    "ucb": "upper confidence bounds of ranks",
}
PATHS = {"expected": "what is left to do, spread over the events that are to be expected"} | {
    name: str(course.__doc__).splitlines()[0] for name, course in COURSES.items()
}
REGROWTH = {
    "none": "none come back",
    "gradient": "those of the largest mean square gradients",
    "random": "any",
}

ABLATIONS = {
    "none": "the run as it is",
    "shuffled": "train once more from the start, with the masks of the end shuffled within their tensors",
    "reinitialised": "train once more from other first weights, with the masks of the end",
}

GROUPS = {
    "algorithm": "what runs",
    "operator": "what, when and how much to prune",
    "benchmark": "the problem",
    "network": "the network",
    "loss": "training",
    "generations": "generations and the grid",
    "seed": "the run",
}
"""First setting of a group -> its title."""
ACTIVATION_SAMPLES = 100
"""Samples that a probe shows to a network, and that a generation's validation error is measured on."""

UNPRUNED: dict[str, Any] = {"operator": "none", "initial": "none", "regrow": "none", "rewind": 0, "l1": 0.0}
"""What makes a run one without pruning."""
ENOUGH = 200
"""Samples that are enough to know how large the inputs of layers are."""
PAPER: dict[str, Any] = {
    "semantics": "reference",
    "operator": "random",
    "schedule": "exponential",
    "probability": 0.5,
    "amount": 0.1,
    "scope": "tensor",
    "finetune": 0.0,
    "loss": "l1",
    "optimizer": "adam-anew",
    "learning_rate": 1e-5,
    "rate_sigma": 1e-5,
    "batch_size": 5,
    "generations": 400,
    "cells": 10,
    "radius": 1,
}
"""The settings of Jorgensen et al. 2025; what ``semantics=reference`` starts from."""
