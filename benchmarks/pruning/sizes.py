"""The share of weights that a network and its parts keep, as the semantics of a run count it."""

from evoprune.genome import Genome
from evoprune.individuals import Network
from evoprune.masks import share

PRESERVED = ("preserved", "preserved_encoder", "preserved_decoder")
"""What a run of autoencoders records; of a network in one part the first."""

MACS = "macs_kept"
"""What a run that aims at multiply-accumulates records too."""


def sizes(individual: Network, semantics: str) -> dict[str, float]:
    """The preserved share of a network, and, where it has several, of each of its parts by their names.

    By the masks; in reference semantics what was not zero right after the last pruning, as the paper reports it.
    """
    parts = [_amounts(genome, semantics) for genome in individual]
    left, total = map(sum, zip(*parts, strict=True))
    found = {"preserved": share(left, total)}
    if len(parts) > 1:
        names = (f"preserved_{name}" for name in individual.names)
        found |= dict(zip(names, (share(part, whole) for part, whole in parts), strict=True))
    return found


def _amounts(genome: Genome, semantics: str) -> tuple[float, int]:
    """The weights that are left, by the meaning of the semantics, and all."""
    if semantics == "reference":
        total = sum(mask.numel() for mask in genome.masks.values())
        return total * (1.0 if genome.nonzero is None else genome.nonzero), total
    return genome.sizes
