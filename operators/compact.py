"""COMPACT: units that masks have made dead are taken out, so that training gets cheaper."""

from evoprune.individuals import IndividualT, genomes
from evoprune.shrinking.dead import remove_dead


def mutCompact(individual: IndividualT) -> tuple[IndividualT]:
    """Take dead units out of an individual's genomes, in place: a mutation that changes nothing of what it computes.

    A unit is dead that no weight reads, or that none leads into and whose bias is pruned or can be added to those of
    the next layer, by masks. Inputs and outputs of every genome stay, codes among them: what is dead for one decoder
    another one may read, so encoders and decoders of different widths still fit. Shares kept stay relative to what the
    network was; ``genome.whole`` knows it, and :func:`evoprune.cutting.expand` puts back what was taken out. A network
    that is no plain stack stays as it is.

    :param individual: a Genome, an Autoencoder or another Network.
    :returns: ``(individual,)``; fitness is not touched.
    """
    for genome in genomes(individual):
        remove_dead(genome, masked=True)
    return (individual,)
