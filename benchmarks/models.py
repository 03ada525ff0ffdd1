"""The trained model of a run directory, whatever experiment left it, as something that takes images."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evoprune.benchmarks.problem import Problem
from evoprune.evaluation import reconstruct
from evoprune.genome import Autoencoder
from evoprune.names import lookup

MODELS: dict[str, tuple[str, str]] = {
    "run": ("run.load_model", "settings.Settings"),
    "weights": ("weights.run.load_model", "weights.settings.WeightsSettings"),
    "architectures": ("architectures.run.load_model", "architectures.settings.ArchitectureSettings"),
}
"""Experiment -> what loads its ``model.pt`` as a pair, and its settings, which know the problem."""


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
    load, settings = (_found(name) for name in lookup("experiment with a model", _experiment(place), MODELS))
    pair = load(place / "model.pt")
    stored = torch.load(place / "model.pt", weights_only=True, map_location="cpu")["settings"]
    problem = settings(**stored).problem
    return ImageModel(pair, image_of(problem))


def image_of(problem: Problem) -> tuple[int, int, int]:
    """Channels, height and width of a problem's samples.

    :raises ValueError: where they are no images.
    """
    image = getattr(problem, "image", None)  # of problems in colour
    if image is not None:
        return image
    if problem.shape is None:
        raise ValueError(f"the model was trained on {problem.name}, whose samples are no images")
    return (1, *problem.shape)


def _experiment(place: Path) -> str:
    try:
        return str(json.loads((place / "settings.json").read_text(encoding="utf-8")).get("experiment", "run"))
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(f"{place / 'settings.json'}: cannot read the settings ({error})") from error


def _found(name: str) -> Callable[..., Any]:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(f"evoprune.benchmarks.{module}"), attribute)
