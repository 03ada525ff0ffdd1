"""What algorithms evolve: networks in parts, each part a genome; an autoencoder is one of two parts."""

from collections.abc import Iterable
from typing import Any, Self, TypeVar

from evoprune.checks import listed, shown
from evoprune.copying import copy_value
from evoprune.fitness import MinimizeLoss
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.layers import check_fit
from evoprune.masks import share
from evoprune.refusals import blame

__all__ = ["ONE_PART", "Autoencoder", "Individual", "IndividualT", "Network", "genomes", "names_of", "similar"]


ONE_PART = ("network",)
"""The name of the only part of a network."""


class Network(list[Genome]):
    """A network in parts, as a DEAP individual: genomes that are applied one after the other.

    As a list it takes DEAP's containers and crossovers: ``tools.initCycle(Network, (features, head))`` builds one, and
    ``tools.cxOnePoint`` of two networks swaps what comes after a part. To replace genomes by ones that fit only
    together, assign ``network[:] = ...``, which is not checked.

    :param genomes: the parts in the order in which they are applied, at least one.
    :raises TypeError: for something that is not a genome.
    :raises ValueError: for none, if two of them share parameters, or if what a part gives does not fit the next one, as
        far as the layers tell: both ends are Linear. Other modules say so when they are called.

    ``learning_rate`` is the rate of the cell it stands in, ``cell`` the number of that cell, and ``seed`` names the
    cell's stream in this generation; all are None outside a grid. ``train_loss`` is the mean loss of the last epoch of
    ``mutTrain``, or None before it.
    """

    fitness: Any
    cell: int | None = None

    def __init__(self, genomes: Iterable[Genome]) -> None:
        super().__init__(listed("genomes", genomes, "a list of genomes"))
        if not hasattr(self, "fitness"):  # a class of deap.creator has set one already
            self.fitness = MinimizeLoss()
        self.learning_rate: float | None = None
        self.seed: int | None = None
        self.train_loss: float | None = None
        if not self:
            raise ValueError("a network needs at least one genome, got none")
        if len(self.names) != len(self):  # a class that calls its parts by names of its own
            raise ValueError(f"the parts of a {type(self).__name__} are {shown(self.names)}, got {len(self)} genomes")
        check_parts(self.names, self)

    @property
    def names(self) -> tuple[str, ...]:
        """What the parts are called, in activations, tables and files: their numbers from 0, one alone ``network``."""
        return _numbered(len(self))

    @property
    def preserved(self) -> float:
        """The share of prunable parameters of all genomes whose mask is True, in [0, 1]."""
        kept, total = zip(*(genome.sizes for genome in self), strict=True)
        return share(sum(kept), sum(total))

    @property
    def age(self) -> int:
        """The age of the oldest genome."""
        return max(genome.age for genome in self)

    def enforce(self) -> None:
        """Enforce the masks of all genomes."""
        for genome in self:
            genome.enforce()

    def __call__(self, x: Any) -> Any:
        """What the network gives for ``x`` (samples, ...)."""
        value = x
        try:
            for genome in self:
                value = genome(value)
        except Exception as error:
            blame(error, x, self.names, [genome.module for genome in self])
            raise
        return value

    def __copy__(self) -> Self:
        new = type(self).__new__(type(self))
        new.extend(self)
        vars(new).update(vars(self))
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        new = type(self).__new__(type(self))
        memo[id(self)] = new
        new.extend(copy_value(genome, memo) for genome in self)
        vars(new).update((key, copy_value(value, memo)) for key, value in vars(self).items())
        return new


class Autoencoder(Network):
    """A pair of one encoder and one decoder: a network of two parts that gives what it gets.

    ``tools.initCycle(Autoencoder, (encoder, decoder))`` builds one, and ``tools.cxOnePoint`` of two pairs swaps their
    decoders. Attributes as those of a :class:`Network`.

    :param genomes: the encoder, then the decoder.
    :raises TypeError: for something that is not a genome.
    :raises ValueError: unless there are two, if they share parameters (:mod:`evoprune.tied` has pairs that do), or if
        the encoder's code does not fit the decoder, as far as the layers tell.
    """

    names = ("encoder", "decoder")

    def __init__(self, genomes: Iterable[Genome]) -> None:
        given = listed("genomes", genomes, "an encoder and a decoder")
        if len(given) != 2:
            raise ValueError(f"an autoencoder is one encoder and one decoder, got {len(given)} genomes")
        super().__init__(given)

    @property
    def encoder(self) -> Genome:
        return self[0]

    @encoder.setter
    def encoder(self, genome: Genome) -> None:
        check_parts(self.names, (genome, self.decoder))
        self[0] = genome

    @property
    def decoder(self) -> Genome:
        return self[1]

    @decoder.setter
    def decoder(self, genome: Genome) -> None:
        check_parts(self.names, (self.encoder, genome))
        self[1] = genome


Individual = Genome | Network
"""What operators, training and evaluation take: a genome on its own, or a network of them."""
IndividualT = TypeVar("IndividualT", bound=Genome | Network)


def similar(a: Any, b: Any) -> bool:
    """Same weights and masks: the ``similar`` of ``tools.HallOfFame`` and ``tools.ParetoFront``, picklable by name."""
    return bool(a == b)


def genomes(individual: Any) -> list[Genome]:
    """The genomes of an individual: itself, or those that a network holds.

    :raises TypeError: for anything else.
    """
    found = [individual] if isinstance(individual, Genome) else list(individual) if isinstance(individual, list) else []
    if not found or not all(isinstance(genome, Genome) for genome in found):
        raise TypeError(f"expected a Genome or a Network of genomes, got {shown(individual)}")
    return found


def names_of(individual: Any) -> tuple[str, ...]:
    """What the parts of an individual are called; of a genome on its own, or a plain list, too."""
    if isinstance(individual, Network):
        return individual.names
    found = genomes(individual)
    halves = len(found) == 2 and isinstance(found[0], Encoder) and isinstance(found[1], Decoder)
    return Autoencoder.names if halves else _numbered(len(found))


def _numbered(parts: int) -> tuple[str, ...]:
    return ONE_PART if parts == 1 else tuple(map(str, range(parts)))


def check_parts(names: Iterable[str], genomes: Iterable[Genome]) -> None:
    """See that genomes can stand one after the other.

    :raises TypeError: for something that is not a genome.
    :raises ValueError: where two share a parameter, or do not fit.
    """
    parts = dict(zip(names, genomes, strict=True))
    for name, genome in parts.items():
        if not isinstance(genome, Genome):
            raise TypeError(f"part {name} of a network must be a Genome, got {shown(genome)}")
    check_fit({name: genome.module for name, genome in parts.items()})
