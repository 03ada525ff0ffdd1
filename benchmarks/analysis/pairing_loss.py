"""Every encoder with every decoder: do codes carry over from cell to cell?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from evoprune.benchmarks.analysis.between import Data, Source, data_for, grids, joined, run_settings, samples_of
from evoprune.checks import lookup
from evoprune.data import samples_of as data_of, whole
from evoprune.evaluation import evaluating, like_parameters
from evoprune.individuals import Individual, genomes, names_of
from evoprune.layers import check_chain
from evoprune.losses import LOSSES, like_output, mean_loss

COLUMNS = ("generation", "cell", "other", "loss")
OWN_COLUMNS = ("generation", "cell", "own", "others", "advantage", "rank")


def pairing_loss(source: Source, data: Data = None, limit: int | None = None, loss: str | None = None) -> pd.DataFrame:
    """The loss of every encoder of the grid with every decoder; of other networks the first part with the rest.

    :param data: samples; the validation split of the run by default, all of it unless ``limit`` says how many.
    :param loss: name of the loss; by default the one that the run trains with, and l1 for networks from memory.
    :returns: a row a generation, encoder (of ``cell``) and decoder (of ``other``), own pairs included, with the mean
        ``loss``; NaN where the code does not fit the decoder or the output is not finite. No rows for networks in one
        part.
    :raises ValueError: for a directory without networks, no data, networks that cannot take them, or an unknown loss.
    """
    if loss is None:
        loss = run_settings(source).loss if isinstance(source, str | Path) else "l1"
    lookup("loss", loss, LOSSES)
    data = data_for(source, data)
    samples = samples_of(source, data, limit)
    targets = whole(data_of(data, "validation").targets)[: len(samples)]
    tables = []
    for generation, individuals in grids(source).items():
        if len(genomes(individuals[0])) < 2:
            continue
        matrix = _matrix(individuals, samples, targets, loss)
        cell, other = (index.ravel() for index in np.indices(matrix.shape))
        values = {"generation": generation, "cell": cell, "other": other, "loss": matrix.ravel()}
        tables.append(pd.DataFrame(values))
    return joined(tables, COLUMNS)


def own_decoder(losses: pd.DataFrame) -> pd.DataFrame:
    """How much better an encoder does with its own decoder than with the others.

    :param losses: what :func:`pairing_loss` gave; ``variant`` and ``trial`` are kept where it has them.
    :returns: a row a generation and ``cell``: the loss with its ``own`` decoder, the mean with the ``others``,
        ``advantage`` = others - own (above 0: the own decoder is better; about 0: the cells speak one code), and the
        ``rank`` of the own decoder among all, 1 for the best, ties sharing the better one. NaN where there is no other.
    """
    key = [name for name in ("variant", "trial", "generation", "cell") if name in losses]
    own = losses["cell"] == losses["other"]
    ranks = losses.groupby(key)["loss"].rank(method="min")
    table = losses.assign(rank=ranks, own=losses["loss"])[own]
    others = losses[~own].groupby(key)["loss"].mean().rename("others").reset_index()
    table = table.merge(others, on=key, how="left")
    table["advantage"] = table["others"] - table["own"]
    table["rank"] = table["rank"].where(table["others"].notna())
    return table[[*key[:-2], *OWN_COLUMNS]]


def _matrix(individuals: Sequence[Individual], samples: Tensor, targets: Tensor, loss: str) -> np.ndarray:
    """Losses, first parts in rows; each runs once."""
    matrix = np.full((len(individuals), len(individuals)), np.nan)
    parts = [[genome.module for genome in genomes(individual)] for individual in individuals]
    before, after = (names_of(individuals[0])[k] for k in (0, 1))
    for i, (first, *_) in enumerate(parts):
        with evaluating(first):
            try:
                codes = first(like_parameters(first, samples))
            except RuntimeError as error:
                raise ValueError(f"cell {i} cannot take samples of {tuple(samples.shape)}: {error}") from error
        for j, (_, *rest) in enumerate(parts):
            try:
                check_chain({before: first, after: rest[0]})
            except ValueError:
                continue  # stays NaN
            output = codes
            with evaluating(*rest):
                try:
                    for module in rest:
                        output = module(output)
                except RuntimeError as error:
                    raise ValueError(f"the {after} of cell {j} cannot take the codes of cell {i}: {error}") from error
            if bool(torch.isfinite(output).all()):
                wanted = like_output(targets, output, loss)
                matrix[i, j] = mean_loss(loss, output, wanted, dims=output.dim()).item()
    return matrix
