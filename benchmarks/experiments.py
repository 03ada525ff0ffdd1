"""The kinds of experiments by name: what a sweep repeats, and what ``evoprune resume`` continues."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evoprune.benchmarks.architectures.run import ARCHITECTURES
from evoprune.benchmarks.pruning.run import PRUNING
from evoprune.benchmarks.weights.run import WEIGHTS
from evoprune.checks import lookup
from evoprune.evaluation import reconstruct
from evoprune.files import read_json
from evoprune.genome import Autoencoder
from evoprune.records import fitting
from evoprune.runs.experiment import DEFAULT, Experiment

AnyExperiment = Experiment[Any, Any, Any, Any]

EXPERIMENTS: dict[str, AnyExperiment] = {
    experiment.name: experiment for experiment in (PRUNING, WEIGHTS, ARCHITECTURES)
}
"""Name -> experiment. ``settings.json`` carries the name under ``experiment``, save for the default."""


def experiment_of(directory: str | Path) -> AnyExperiment:
    """The kind of experiment that left a run directory.

    :raises ValueError: where no settings are, or they cannot be read, or name an experiment that does not exist.
    """
    path = Path(directory) / "settings.json"
    if not path.exists():
        return PRUNING  # the experiment itself says what it misses
    kind = read_json(path).get("experiment", DEFAULT)
    with fitting(path):
        return lookup("experiment", kind, EXPERIMENTS)


@dataclass(frozen=True)
class ImageModel:
    """A pair, and what its inputs look like: ``image`` is channels, height and width."""

    pair: Autoencoder
    image: tuple[int, int, int]

    def __call__(self, images: Tensor) -> Tensor:
        """Reconstructions of ``images`` in [0, 1], (samples, channels, height, width) both, without gradients."""
        return reconstruct(self.pair, images.flatten(1)).reshape(images.shape)


def load_any_model(directory: str | Path) -> ImageModel:
    """The model that a run left, of whatever experiment.

    :raises ValueError: where there is no run or no model, or one whose inputs are no images.
    """
    place = Path(directory)
    if not (place / "model.pt").is_file():
        raise ValueError(f"{place}: there is no model here; give the directory of a run that has ended")
    experiment = experiment_of(place)
    pair = experiment.load_model(place / "model.pt")
    stored = torch.load(place / "model.pt", weights_only=True, map_location="cpu")
    # A model of version 0.1 does not say what its inputs look like, its problem does.
    image = stored["image"] if "image" in stored else experiment.stored_settings(stored["settings"]).problem.image
    if image is None:
        raise ValueError(f"the model was trained on {stored['settings']['benchmark']}, whose samples are no images")
    return ImageModel(pair, tuple(image))
