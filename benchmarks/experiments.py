"""The kinds of experiments by name: what a sweep repeats, what ``evoprune resume`` continues, and what is loaded."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evoprune.benchmarks.architectures.run import ARCHITECTURES
from evoprune.benchmarks.pruning.run import PRUNING
from evoprune.benchmarks.weights.run import WEIGHTS
from evoprune.checks import lookup, of_type, shown
from evoprune.evaluation import reconstruct
from evoprune.files import fitting, read_json, shown_path
from evoprune.individuals import Autoencoder
from evoprune.records import load_tensors
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
class StoredModel:
    """The network that a run left, an individual with its masks, and what its file says of the run.

    ``directory`` is that of the run; None for a file that was copied elsewhere.
    """

    path: Path
    directory: Path | None
    experiment: AnyExperiment
    individual: Any
    stored: dict[str, Any]

    @property
    def settings(self) -> Any:
        """The settings of the run.

        :raises ValueError: for settings that do not fit.
        """
        with fitting(self.path):
            return self.experiment.stored_settings(self.stored["settings"])


def stored_model(run_or_model: str | os.PathLike[str]) -> StoredModel:
    """The model that a run left, of whatever experiment; its data are not needed.

    :param run_or_model: the directory of a run that has ended, or its ``model.pt``, wherever that is.
    :raises TypeError: for what is no path.
    :raises ValueError: where there is no model, or one that is damaged or something else.
    """
    of_type("run_or_model", run_or_model, str | os.PathLike, "the path of a run, or of its model.pt")
    place = Path(run_or_model)
    path = place / "model.pt" if os.path.isdir(place) else place
    if not os.path.isfile(path):
        what = "there is no model here" if os.path.isdir(place) else "there is no such directory or file"
        raise ValueError(f"{shown_path(place)}: {what}; give the directory of a run that has ended, or its model.pt")
    stored = load_tensors(path, "model")
    with fitting(path):
        experiment = lookup("experiment", stored.get("experiment", DEFAULT), EXPERIMENTS)
    individual, _ = experiment.exported(path, stored)
    of_a_run = path.name == "model.pt" and (path.parent / "settings.json").is_file()
    return StoredModel(path, path.parent if of_a_run else None, experiment, individual, stored)


LARGEST = 10_000
"""Channels, rows or columns that an image may have."""


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
    path = place / "model.pt"
    pair, stored = experiment.load_export(path)
    with fitting(path):
        settings = experiment.stored_settings(stored["settings"])
        # A model of version 0.1 does not say what its inputs look like, its problem does.
        image = stored["image"] if "image" in stored else settings.problem.image  # noqa: SIM401  may load data
        if image is not None and not _is_image(image):
            raise ValueError(f"image must be channels, height and width, got {shown(image)}")
    if image is None:
        raise ValueError(f"the model was trained on {settings.benchmark}, whose samples are no images")
    if not isinstance(pair, Autoencoder):
        raise ValueError(f"{place}: a network for {settings.task} gives no images back; it takes an autoencoder")
    with fitting(path):  # a pair that takes other images than it says
        reconstruct(pair, torch.zeros(1, math.prod(image))).reshape(1, *image)
    return ImageModel(pair, tuple(image))


def _is_image(image: Any) -> bool:
    return (
        isinstance(image, (tuple, list))
        and len(image) == 3
        and all(isinstance(size, int) and not isinstance(size, bool) and 0 < size <= LARGEST for size in image)
    )
