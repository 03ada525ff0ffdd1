"""The networks of a run as they were: all cells of some generations, written while it runs and read for analysis."""

import json
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evoprune.architecture import Blueprint
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.copying import MaskPacker, unpack_mask
from evoprune.folders import RUN, Folder, opened
from evoprune.genome import Autoencoder, Decoder, Encoder, Genome
from evoprune.records import fitting, load_checkpoint, save_tensors
from evoprune.runs.experiment import PARTS
from evoprune.seeds import seeded
from evoprune.state import cloned

SNAPSHOT = "evoprune snapshot 1"
FOLDER = "snapshots"
_FRESH: dict[str, Any] = {"moments": {}, "steps": 0, "age": 0, "nonzero": None, "fitness": []}


def save_snapshot(directory: Folder | str | Path, generation: int, grid: list[Autoencoder]) -> Path:
    """Write ``snapshots/<generation>.pt`` in a run directory: weights and masks of all cells, as plain tensors.

    A mask is a bit a weight, or None where nothing is pruned. The file appears whole or not at all.

    :param generation: names the file, in six digits.
    :returns: the path of the file.
    """
    cells = [{part: _stored(genome) for part, genome in zip(PARTS, pair, strict=True)} for pair in grid]
    with opened(directory, RUN) as place:
        save_tensors(path := place(name_of(generation)), {"format": SNAPSHOT, "generation": generation, "cells": cells})
    return path


def name_of(generation: int) -> str:
    """The file of a generation in its run directory."""
    return f"{FOLDER}/{generation:06d}.pt"


def load_snapshots(directory: str | Path) -> dict[int, list[Autoencoder]]:
    """The grids that a run directory holds, generation -> pairs, in order.

    Without snapshots it is the generation of the checkpoint alone. The pairs have weights and masks, no fitness.

    :raises ValueError: for a directory without either, without settings, or with a damaged file.
    """
    place = Path(directory)
    if not place.is_dir():
        raise ValueError(f"{place}: there is no such directory")
    paths = sorted((place / FOLDER).glob("[0-9]*.pt"))
    if paths:
        settings = read_settings(place)
        return dict(sorted((_read(path, settings) for path in paths), key=itemgetter(0)))
    if not (place / "checkpoint.pt").is_file():
        raise ValueError(f"{place}: neither snapshots nor a checkpoint.pt here; run with --snapshots N to keep some")
    state = load_checkpoint(place / "checkpoint.pt")
    with fitting(place / "checkpoint.pt"):
        return {int(state["generation"]): _grid(Settings.stored(state["settings"]), state["grid"])}


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
    with fitting(path):
        return Settings.stored(json.loads(path.read_text(encoding="utf-8")))


def _read(path: Path, settings: Settings) -> tuple[int, list[Autoencoder]]:
    state = load_checkpoint(path, "snapshot", SNAPSHOT)
    with fitting(path):
        cells = [{part: _unpacked(kept) for part, kept in cell.items()} for cell in state["cells"]]
        return int(state["generation"]), _grid(settings, cells)


def empty_pair(settings: Settings, decoder: Mapping[str, Tensor]) -> Autoencoder:
    """A pair of the run's structure, for weights that it left: those of the decoder say how wide. Needs no data."""
    recipe = settings.architecture
    inputs = recipe.architecture.inputs if isinstance(recipe, Blueprint) else len(list(decoder.values())[-1])
    with seeded(0):  # leaves the caller's streams as they are
        parts = recipe.build(inputs)
    return Autoencoder([Encoder(parts[0]), Decoder(parts[1])])


def _grid(settings: Settings, cells: list[dict[str, Any]]) -> list[Autoencoder]:
    grid = [empty_pair(settings, cell["decoder"]["weights"]) for cell in cells]
    for pair, cell in zip(grid, cells, strict=True):
        for part, genome in zip(PARTS, pair, strict=True):
            genome.load_state({"weights": cell[part]["weights"], "masks": cell[part]["masks"], **_FRESH})
    return grid


def _stored(genome: Genome) -> dict[str, Any]:
    bits = MaskPacker(genome.masks).bits
    masks = {name: None if packed is None else torch.from_numpy(packed) for name, packed in bits.items()}
    return {"weights": cloned(dict(genome.module.state_dict())), "masks": masks}


def _unpacked(state: Mapping[str, Any]) -> dict[str, Any]:
    weights = state["weights"]
    masks = {
        name: unpack_mask(None if bits is None else bits.numpy(), weights[name].shape)
        for name, bits in state["masks"].items()
    }
    return {"weights": weights, "masks": masks}
