"""Settings of runs that take a fraction of a second."""

from typing import Any

TINY: dict[str, Any] = {
    "n_dim": 24,
    "n_samples": 40,
    "n_clusters": 4,
    "network": "6-3",
    "generations": 6,
    "cells": 4,
    "learning_rate": 0.01,
    "compare": False,
}
