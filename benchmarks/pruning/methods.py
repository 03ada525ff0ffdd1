"""Methods of the field as presets: how each prunes, whatever the data, the network and the budget.

All prune over the whole network along a cubic course and end with fine-tuning at a falling rate, but where a method is
known for something else.
"""

from typing import Any

GRADUAL = {"course": "cubic", "scope": "global", "finetune": 0.2, "finetune_rate": 0.01}
"""What gradual methods share (Zhu and Gupta 2017, arXiv 1710.01878)."""
RECIPE: dict[str, Any] = GRADUAL | {
    "operator": "activation",
    "operator_options": {"balance": True},
    "regrow": "gradient",
    "l1": 0.03,
}
"""The best that was found: see docs/frontier.md."""

SPARSE = GRADUAL | {"operator": "magnitude", "scope": "tensor", "initial": "erdos-renyi"}
"""What methods share that begin with few weights."""

METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "dense": ("no pruning, with the same fine-tuning", GRADUAL | {"operator": "none"}),
    "random-pruning": ("any weights, gradually", GRADUAL | {"operator": "random"}),
    "magnitude-tensor": (
        "small weights of every tensor",
        GRADUAL | {"operator": "magnitude", "scope": "tensor"},
    ),
    "agp": ("small weights, gradually (Zhu and Gupta 2017)", GRADUAL | {"operator": "magnitude"}),
    "wanda": ("weight times size of its input (Sun et al. 2023), gradually", GRADUAL | {"operator": "activation"}),
    "gradual-taylor": ("weight times gradient (Molchanov et al. 2019), gradually", GRADUAL | {"operator": "taylor"}),
    "gradual-fisher": (
        "squares of weight and gradient (optimal brain damage)",
        GRADUAL | {"operator": "fisher"},
    ),
    "gradual-movement": ("weights that move towards zero (Sanh et al. 2020)", GRADUAL | {"operator": "movement"}),
    "gradual-lamp": ("layer-adaptive magnitude (Lee et al. 2021), gradually", GRADUAL | {"operator": "lamp"}),
    "snip": (
        "before training, by gradients (Lee et al. 2019)",
        GRADUAL | {"operator": "none", "initial": "snip"},
    ),
    "synflow": (
        "before training, without data (Tanaka et al. 2020)",
        GRADUAL | {"operator": "none", "initial": "synflow"},
    ),
    "set": ("few weights from the start, random ones come back (Mocanu et al. 2018)", SPARSE | {"regrow": "random"}),
    "rigl": ("few weights from the start, steep ones come back (Evci et al. 2020)", SPARSE | {"regrow": "gradient"}),
    "granet": (
        "magnitude with steep weights that come back (Liu et al. 2021)",
        GRADUAL | {"operator": "magnitude", "regrow": "gradient"},
    ),
    "lottery-ticket": (
        "five rounds from early weights (Frankle et al. 2020)",
        GRADUAL | {"operator": "magnitude", "schedule": "rounds", "course": "geometric", "finetune": 0.1, "rewind": 1},
    ),
    "frontier": ("weight times input, steep weights come back, L1: the best recipe found", RECIPE),
    "restarts": ("the recipe in ten cells that do not meet, the best on validation data", RECIPE | {"radius": 0}),
    "frontier-shuffled": (
        "the recipe's masks, shuffled, trained anew",
        RECIPE | {"ablation": "shuffled"},
    ),
    "frontier-reinitialised": (
        "the recipe's masks, trained anew from other weights",
        RECIPE | {"ablation": "reinitialised"},
    ),
}
"""Name -> a line about it, and its settings."""

POLISHED: tuple[str, dict[str, Any]] = (
    "the recipe in eight cells that do not meet, of which the best chooses its output weights anew, in rounds",
    RECIPE | {"radius": 0, "cells": 8, "polish": 8, "polish_epochs": 50},
)
"""No method by itself, as its end takes 80,000 steps on the default data: a way to spend a large budget."""
