"""Searches that take a fraction of a second."""

from typing import Any

from evoprune.benchmarks.architectures.settings import make_settings
from evoprune.operators import Space

SMALL: dict[str, Any] = {
    "population": 3,
    "offspring": 2,
    "generations": 3,
    "patience": 0,
    "epochs": 1,
    "batch_size": 400,
    "final_epochs": 3,
    "max_convolutions": 1,
    "max_linear": 1,
    "channels": "4",
    "widths": "16-32",
}
SETTINGS = make_settings(SMALL)
SPACE: Space = SETTINGS.space
