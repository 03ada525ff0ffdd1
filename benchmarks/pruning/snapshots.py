"""The networks of a run as they were: all cells of some generations, written while it runs and read for analysis."""

import math
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evoprune.architecture import Blueprint
from evoprune.benchmarks.pruning.networks import network_of
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.checks import shown
from evoprune.convolutional import Convolutional
from evoprune.copying import unpack_mask
from evoprune.cutting import expand
from evoprune.feedforward import FeedForward
from evoprune.files import fitting, read_json
from evoprune.folders import RUN, Folder, opened
from evoprune.genome import Genome
from evoprune.individuals import ONE_PART, Autoencoder, Network
from evoprune.records import load_checkpoint, save_tensors
from evoprune.runs.stored import check_any_finite, check_kinds, check_tensor, load_genome
from evoprune.seeds import seeded
from evoprune.state import cloned

SNAPSHOT = "evoprune snapshot 1"
FOLDER = "snapshots"
STORED = ("weights", "masks", "whole")
"""What is read of a genome."""
_FRESH: dict[str, Any] = {"moments": {}, "steps": 0, "age": 0, "nonzero": None, "fitness": []}


def save_snapshot(directory: Folder | str | Path, generation: int, grid: list[Network]) -> Path:
    """Write ``snapshots/<generation>.pt`` in a run directory: weights and masks of all cells, as plain tensors.

    The file appears whole or not at all.

    :param generation: names the file, in six digits.
    :returns: the path of the file.
    """
    cells = [{part: _stored(genome) for part, genome in zip(one.names, one, strict=True)} for one in grid]
    with opened(directory, RUN) as place:
        save_tensors(path := place(name_of(generation)), {"format": SNAPSHOT, "generation": generation, "cells": cells})
    return path


def name_of(generation: int) -> str:
    """The file of a generation in its run directory."""
    return f"{FOLDER}/{generation:06d}.pt"


def load_snapshots(directory: str | Path) -> dict[int, list[Any]]:
    """The grids that a run directory holds, generation -> networks, in order.

    Without snapshots it is the generation of the checkpoint alone. They have weights and masks, no fitness.

    :raises ValueError: for a directory without either, without settings, or with a damaged file.
    """
    place = Path(directory)
    if not place.is_dir():
        raise ValueError(f"{place}: there is no such directory")
    paths = sorted((place / FOLDER).glob("[0-9]*.pt"))
    if paths:
        settings = read_settings(place)
        return dict(sorted((read_snapshot(path, settings) for path in paths), key=itemgetter(0)))
    if not (place / "checkpoint.pt").is_file():
        raise ValueError(f"{place}: neither snapshots nor a checkpoint.pt here; run with --snapshots N to keep some")
    state = load_checkpoint(place / "checkpoint.pt")
    with fitting(place / "checkpoint.pt"):
        check_kinds(state, {"generation": int, "settings": dict, "grid": list})
        return {state["generation"]: _grid(Settings.stored(state["settings"]), state["grid"])}


def has_snapshots(directory: str | Path) -> bool:
    """Whether :func:`load_snapshots` finds networks there."""
    place = Path(directory)
    return any((place / FOLDER).glob("[0-9]*.pt")) or (place / "checkpoint.pt").is_file()


def read_settings(directory: str | Path) -> Settings:
    """The settings of a run directory.

    :raises ValueError: where ``settings.json`` is missing, damaged or of another version.
    """
    path = Path(directory) / "settings.json"
    if not path.is_file():
        raise ValueError(f"{path}: there are no settings here, so this is no run directory")
    values = read_json(path)
    with fitting(path):
        return Settings.stored(values)


def read_snapshot(path: Path, settings: Settings) -> tuple[int, list[Network]]:
    """The generation and the networks of one snapshot.

    :raises ValueError: for a file that is missing, damaged or of another run.
    """
    state = load_checkpoint(path, "snapshot", SNAPSHOT)
    with fitting(path):
        check_kinds(state, {"generation": int, "cells": list})
        parts = part_names(settings)
        for cell in state["cells"]:
            check_kinds(cell, dict.fromkeys(parts, dict))
        cells = [{part: _with_masks(cell[part]) for part in parts} for cell in state["cells"]]
        return state["generation"], _grid(settings, cells)


def part_names(settings: Settings) -> tuple[str, ...]:
    """The names of the parts of a run's networks."""
    return ONE_PART if isinstance(settings.architecture, FeedForward) else Autoencoder.names


def empty_individual(settings: Settings, weights: Mapping[str, Any]) -> Network:
    """A network of the run's structure, for weights that it left, which say how wide it is. Needs no data.

    :param weights: part -> parameter -> tensor; and perhaps ``image``, channels, height and width of a sample.
    """
    recipe, names = settings.architecture, part_names(settings)
    first, last = list(weights[names[0]].values()), list(weights[names[-1]].values())
    if isinstance(recipe, Blueprint):
        ends = (recipe.architecture.inputs,) * 2
    elif isinstance(recipe, Convolutional):  # whose weights do not tell height and width
        image = weights.get("image")
        ends = (math.prod(image) if image else settings.problem.inputs,) * 2
    elif last and isinstance(last[-1], Tensor) and last[-1].dim():
        reads = first[0].shape[-1] if first and isinstance(first[0], Tensor) and first[0].dim() == 2 else 0
        ends = (reads if len(names) == 1 else len(last[-1]), len(last[-1]))
    else:
        raise ValueError(f"weights of the {names[-1]} must be tensors, got {shown(weights[names[-1]])}")
    with seeded(0):  # leaves the caller's streams as they are
        return network_of(recipe.build(*ends))


def _grid(settings: Settings, cells: list[dict[str, Any]]) -> list[Network]:
    grid: list[Network] = []
    parts = part_names(settings)
    for number, cell in enumerate(cells):
        check_kinds(cell, dict.fromkeys(parts, dict))
        for part in parts:
            check_kinds(cell[part], {"weights": dict, "masks": dict})
        grid.append(one := empty_individual(settings, {part: cell[part]["weights"] for part in parts}))
        for part, genome in zip(parts, one, strict=True):
            try:
                load_genome(genome, {name: cell[part][name] for name in STORED if name in cell[part]} | _FRESH, 0)
            except ValueError as error:
                raise ValueError(f"cell {number}, {part}: {error}") from error
            expand(genome)  # so that units can be compared between cells
    check_any_finite([genome.module for genome in one] for one in grid)
    return grid


def _stored(genome: Genome) -> dict[str, Any]:
    return {"weights": cloned(dict(genome.module.state_dict())), "masks": cloned(genome.masks)}


def _with_masks(state: Mapping[str, Any]) -> dict[str, Any]:
    check_kinds(state, {"weights": dict, "masks": dict})
    weights = state["weights"]
    return {"weights": weights, "masks": {name: _mask(name, kept, weights) for name, kept in state["masks"].items()}}


def _mask(name: str, stored: Any, weights: Mapping[str, Any]) -> Any:
    """A mask as it is stored; that of version 0.1 was its bits, or None where nothing was pruned."""
    if stored is not None and not (isinstance(stored, Tensor) and stored.dtype == torch.uint8):
        return stored
    shape = weights[name].shape
    if stored is not None:
        check_tensor(f"masks: {name}", stored, torch.empty(-(-shape.numel() // 8), dtype=torch.uint8))
    return unpack_mask(None if stored is None else stored.numpy(), shape)
