"""Toy networks that are numbers, whole losses, and a toolbox that writes down what happens."""

import copy

from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.algorithms.cells import Cell, CellUpdate

# Rows are encoders, columns decoders.
LOSSES = [[5.0, 1.0, 9.0], [4.0, 4.0, 4.0], [2.0, 8.0, 3.0]]
BY_ENCODER = {"minimum": [1, 4, 2], "mean": [5, 4, 13 / 3], "maximum": [9, 4, 8]}
BY_DECODER = {"minimum": [2, 1, 3], "mean": [11 / 3, 13 / 3, 16 / 3], "maximum": [5, 8, 9]}


def toy(tag, kind=Autoencoder):
    """A pair that carries its number as the weight of both genomes."""
    genomes = [Encoder(nn.Linear(1, 1, bias=False)), Decoder(nn.Linear(1, 1, bias=False))]
    for genome in genomes:
        nn.init.constant_(genome.module.get_parameter("weight"), float(tag))
    return kind(genomes)


def tag(genome):
    return int(genome.module.get_parameter("weight").item())


class Recorder:
    """A toolbox whose functions write down what they were called with."""

    def __init__(self, losses=LOSSES, pick=lambda views: views[2], **slots):
        self.losses, self.pick, self.events = losses, pick, []
        vars(self).update(slots)

    def evaluate(self, encoder, decoder):
        self.events.append(("evaluate", tag(encoder), tag(decoder)))
        return (self.losses[tag(encoder)][tag(decoder)],)

    def select(self, views, k):
        self.events.append(("select", [view.fitness.values for view in views], [tag(view.encoder) for view in views]))
        return [self.pick(views)] * k

    def train(self, pairs):
        self.events.append(("train", [(pair.learning_rate, pair.seed, pair.fitness.valid) for pair in pairs]))
        return [7.0] * len(pairs)

    def clone(self, pair):
        self.events.append(("clone",))
        return copy.deepcopy(pair)

    def mutate(self, pair):
        self.events.append(("mutate", tag(pair.encoder)))
        return (pair,)

    def update(self, **options):
        return CellUpdate(self.evaluate, self.select, self.train, self.clone, **options)

    def names(self):
        return [event[0] for event in self.events]


def cell(pairs=None, rate=0.5, generation=4):
    return Cell(number=3, seed=1, generation=generation, learning_rate=rate, neighbourhood=pairs or grid())


def grid():
    pairs = [toy(i) for i in range(3)]
    for pair in pairs:
        pair.fitness.values, pair.learning_rate = (99.0,), 0.25
    return pairs
