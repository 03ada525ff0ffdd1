"""What the settings of a run choose from, and the settings of the paper."""

from typing import Any

ALGORITHMS = {
    "spatial": "Lipi-AE-S: cells on a grid coevolve encoders and decoders with their neighbours",
    "all-vs-all": "coevolution without space: every encoder meets every decoder",
    "canonical": "DEAP's eaSimple on one pair: training and pruning as its mutation",
}
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
ORDERS = {"after-evaluation": "after", "before-evaluation": "before"}
"""When an offspring is pruned -> what the algorithms call it."""

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

PAPER_CANONICAL: dict[str, Any] = {"algorithm": "canonical", "cells": 1, "optimizer": "adam-0.5", "rate_decay": "step"}
"""What differs in the paper's canonical baseline."""
