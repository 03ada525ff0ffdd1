"""A small valid value for every parameter that has no default, by its name."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import torch
from deap import algorithms, base, tools
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome
from evoprune.activations import ActivationProbe
from evoprune.algorithms import ring
from evoprune.architecture import Architecture, Linear
from evoprune.evaluation import evaluate, reconstruction_loss
from evoprune.networks import MLP, mlp_decoder, mlp_encoder
from evoprune.operators import AdaptiveOperator, Fixed, ScheduledProbability, Space, mutPruneRandom, mutRegrow
from evoprune.seeds import Stream
from evoprune.statistics import compare
from evoprune.training import train_epoch
from tests.evidence import BatchGradients, Gradients

DATA = torch.rand(8, 6, generator=torch.Generator().manual_seed(0))


def make_pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([6, 4, 3], "tanh")), Decoder(mlp_decoder([3, 4, 6]))])


def make_grid() -> list[Autoencoder]:
    return [make_pair() for _ in range(3)]


def make_rated() -> Autoencoder:
    pair = make_pair()
    pair.learning_rate = 0.1
    return pair


def make_pruned() -> Autoencoder:
    pair = make_pair()
    mutPruneRandom(pair, 0.5)
    return pair


def make_toolbox(evaluation: Callable[..., Any] = reconstruction_loss) -> base.Toolbox:
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluation, data=DATA)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", train_epoch, data=DATA)
    toolbox.register("mutate", mutPruneRandom, amount=0.1)
    return toolbox


def make_architecture() -> Architecture:
    return Architecture([Linear(8)], (1, 4, 4), 2)


def make_frame() -> pd.DataFrame:
    rows = [(variant, seed, seed + len(variant) / 10) for variant in ("a", "bb", "ccc") for seed in range(4)]
    return pd.DataFrame(rows, columns=["variant", "seed", "loss"])


def make_space() -> Space:
    return Space((1, 4, 4), 2, convolutions=(0, 1), linear=(0, 2), widths=(4, 8), channels=(2, 4), kernels=(1, 3))


def masks() -> dict[str, torch.Tensor]:
    return {"0.weight": torch.ones(4, 6, dtype=torch.bool)}


VALID: dict[str, Callable[[], Any]] = {
    "C": lambda: 0.5,
    "T": lambda: 9,
    "a": make_pair,
    "activation": lambda: "relu",
    "activations": lambda: ActivationProbe(DATA),
    "age": lambda: 3,
    "amount": lambda: 0.5,
    "b": make_pair,
    "back": lambda: torch.ones(4, 6, dtype=torch.bool),
    "batch_gradients": lambda: BatchGradients(DATA),
    "batches": lambda: [DATA],
    "bytes_": lambda: 1e6,
    "cells": lambda: 4,
    "channels": lambda: 2,
    "choices": lambda: [(make_pair().encoder, *next(iter(masks().items())))],
    "code": lambda: 2,
    "convolutions": lambda: 1,
    "data": lambda: DATA,
    "decoder": lambda: make_pair().decoder,
    "decoders": lambda: [make_pair().decoder],
    "directory": lambda: "nowhere",
    "effect": lambda: 0.7,
    "encoder": lambda: make_pair().encoder,
    "encoders": lambda: [make_pair().encoder],
    "evaluations": lambda: 3,
    "every": lambda: 2,
    "example": lambda: DATA,
    "exclude": lambda: ["0"],
    "frame": make_frame,
    "generations": lambda: 10,
    "genome": lambda: make_pair().encoder,
    "genomes": lambda: list(make_pair()),
    "gradients": lambda: Gradients(DATA),
    "grid": make_grid,
    "halloffame": lambda: tools.HallOfFame(1),
    "individual": make_pair,
    "individuals": make_grid,
    "indpb": lambda: 0.5,
    "inputs": lambda: 6,
    "keep": lambda: torch.ones(4, 6, dtype=torch.bool),
    "keeps": masks,
    "kernel": lambda: 1,
    "keys": lambda: 1,
    "k": lambda: 2,
    "layers": lambda: [Linear(8)],
    "linear": lambda: 1,
    "loss": lambda: "l1",
    "metric": lambda: "loss",
    "module": lambda: mlp_encoder([6, 4]),
    "n_a": lambda: 5,
    "n_b": lambda: 5,
    "name": lambda: "0.weight",
    "needs": lambda: {"weights": 100.0},
    "neighbourhoods": lambda: ring(3),
    "neighbours": lambda: [[1], [0]],
    "ngen": lambda: 1,
    "number": lambda: 1,
    "offspring": list,
    "one": make_architecture,
    "operator": lambda: partial(mutPruneRandom, amount=0.1),
    "operators": lambda: partial(mutPruneRandom, amount=0.1),
    "optimizer": lambda: "sgd",
    "other": make_architecture,
    "output": lambda: DATA,
    "outputs": lambda: 3,
    "p": lambda: [0.01, 0.5],
    "pair": make_pair,
    "pairs": make_grid,
    "parts": lambda: Genome(mlp_encoder([6, 6])),
    "per_unit": lambda: {"0": torch.rand(4)},
    "persistent": lambda: True,
    "population": make_grid,
    "probability": lambda: ScheduledProbability(Fixed(0.5), 10),
    "prune": lambda: mutPruneRandom,
    "radius": lambda: 1,
    "rate": lambda: 0.1,
    "regrow": lambda: partial(mutRegrow, score="random"),
    "row": lambda: next(compare(make_frame(), "loss").itertuples()),
    "rows": lambda: 3,
    "columns": lambda: 3,
    "run_or_model": lambda: "nowhere",
    "samples": lambda: DATA,
    "schedule": lambda: Fixed(0.5),
    "scope": lambda: "tensor",
    "scores": lambda: [(make_pair().encoder, {"0.weight": torch.rand(4, 6)})],
    "seed": lambda: 5,
    "shape": lambda: (1, 4, 4),
    "share": lambda: 0.5,
    "sides": lambda: [Genome(mlp_encoder([6, 6]))],
    "sign": lambda: 1,
    "size": lambda: 3,
    "sources": lambda: [1, 2, 3],
    "space": make_space,
    "split": lambda: "train",
    "stats": lambda: tools.Statistics(len),
    "t": lambda: 3,
    "table": lambda: pd.DataFrame(DATA.numpy()),
    "target": lambda: DATA,
    "target_preserved": lambda: 0.7,
    "targets": lambda: DATA,
    "test": lambda: "Wilcoxon",
    "text": lambda: "arch:1x4x4;relu;linear_16_8;linear_8_2",
    "to": make_pair,
    "toolbox": make_toolbox,
    "threshold": lambda: 0.5,
    "values": lambda: torch.rand(5),
    "verbose": lambda: False,
    "widths": lambda: [6, 4, 3],
    "width": lambda: 4,
    "x": lambda: DATA,
}
"""A small valid value for a parameter of this name."""

SPECIAL: dict[str, Callable[[], Any]] = {
    "AdaptiveOperator.operators": lambda: [partial(mutPruneRandom, amount=0.1)],
    "AdaptiveOperator.load_state.state": lambda: AdaptiveOperator([partial(mutPruneRandom, amount=0.1)]).state(),
    "a12.a": lambda: [1.0, 2.0],
    "a12.b": lambda: [1.0, 2.0],
    "canonical_generations.toolbox": partial(make_toolbox, evaluate),
    "stock_generations.toolbox": partial(make_toolbox, evaluate),
    "stock_generations.algorithm": lambda: partial(algorithms.eaSimple, cxpb=0, mutpb=1),
    "check_loss.output": lambda: "sigmoid",
    "eaAllVsAll.verbose": lambda: False,
    "eaSpatialCoevolution.verbose": lambda: False,
    "Architecture.build.output": lambda: "sigmoid",
    "Blueprint.output": lambda: "sigmoid",
    "Blueprint.build.inputs": lambda: 16,
    "Blueprint.check.inputs": lambda: 16,
    "Convolutional.channels": lambda: (4, 2),
    "Convolutional.output": lambda: "sigmoid",
    "Convolutional.build.inputs": lambda: 16,
    "Convolutional.check.inputs": lambda: 16,
    "Convolutional.image_of.inputs": lambda: 16,
    "Convolutional.parameters.inputs": lambda: 16,
    "batch_gradients.batches": lambda: [(DATA, DATA)],
    "cost.batches": lambda: (1, 2),
    "compare.pairs": lambda: [("a", "bb")],
    "derive.keys": lambda: 1,
    "Decoder.module": lambda: mlp_decoder([6, 4]),
    "gated.probability": lambda: 0.5,
    "Genome.guard.optimizer": lambda: torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1),
    "Genome.load_state.state": lambda: make_pair().encoder.state(),
    "interval.values": lambda: [1.0, 2.0, 4.0],
    "lookup.name": lambda: "l1",
    "mean_loss.name": lambda: "l1",
    "MLP.output": lambda: "sigmoid",
    "mlp_decoder.output": lambda: "sigmoid",
    "paired.a": lambda: pd.Series([1.0, 2.0, 3.0]),
    "paired.b": lambda: pd.Series([1.5, 2.0, 4.0]),
    "Space.linear": lambda: (0, 2),
    "Space.convolutions": lambda: (0, 1),
    "Space.channels": lambda: (2, 4),
    "unpaired.a": lambda: pd.Series([1.0, 2.0, 3.0]),
    "unpaired.b": lambda: pd.Series([1.5, 2.0, 4.0]),
    "mutLearningRate.individual": make_rated,
    "mutRegrow.individual": make_pruned,
    "mutRegrow.batch_gradients": lambda: BatchGradients(DATA),
    "network_loss.data": lambda: DATA,
    "pairwise_losses.data": lambda: DATA,
    "kernel_loss.data": lambda: DATA,
    "kernel_losses.data": lambda: DATA,
    "parse_feed_forward.text": lambda: "6-4-3",
    "MinimizeLoss.values": lambda: (1.0,),
    "similar.b": make_pair,
}
"""Where a name means something else: ``function.parameter`` or ``Class.method.parameter``."""

OF_MODULE: dict[str, dict[str, Callable[[], Any]]] = {
    "evoprune.operators.architecture": {"individual": make_architecture},
}

OBJECTS: dict[str, Callable[[], Any]] = {
    "Genome": lambda: make_pair().encoder,
    "Encoder": lambda: make_pair().encoder,
    "Decoder": lambda: Decoder(mlp_encoder([6, 4, 3])),
    "Autoencoder": make_pair,
    "AdaptiveOperator": lambda: AdaptiveOperator([partial(mutPruneRandom, amount=0.1)]),
    "Stream": lambda: Stream.GRID,
    "Schedule": lambda: Fixed(0.5),
    "Space": make_space,
    "MLP": lambda: MLP(hidden=(4,), latent=2),
}
"""What methods are called on, where a valid call of the class is not it."""
