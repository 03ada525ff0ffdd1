"""What an architecture is worth: build it, train it, measure it. Pure functions of their arguments, for any engine."""

import hashlib
from collections.abc import Iterator
from difflib import SequenceMatcher
from operator import itemgetter
from typing import Any

from torch import nn

from evoprune.architecture import Architecture, parse_architecture
from evoprune.benchmarks.architectures.settings import ArchitectureSettings
from evoprune.benchmarks.problems.problem import Problem
from evoprune.evaluation import evaluate
from evoprune.genome import Decoder, Encoder, prunable_layers
from evoprune.individuals import Autoencoder
from evoprune.losses import mean_loss
from evoprune.runs.experiment import PARTS
from evoprune.seeds import Stream, derive, seeded
from evoprune.training import train_epoch
from evoprune.training.kernel import Kernel

Weights = dict[str, Any]
"""An architecture's ``text`` and the weights of its ``encoder`` and ``decoder``."""


def measure(
    text: str, parent: Weights | None, settings: ArchitectureSettings, kernel: Kernel | None = None
) -> dict[str, Any]:
    """The fitness of an architecture: its loss on the validation split after a few epochs, the best of the tries.

    :param parent: weights to start from, where layers match, or None; see :func:`inherit`.
    :param kernel: what the setting has come to, perhaps on another machine.
    :returns: ``loss``, finite also where training diverged, ``parameters``, and ``weights`` where they are inherited.
    """
    parameters, tries = parse_architecture(text).parameters, []
    for attempt in range(settings.tries):
        seed = _seed(settings, Stream.FITNESS, text, attempt)
        pair = build(text, seed)
        if parent is not None:
            inherit(pair, text, parent)
        for _ in trained(pair, settings, seed, settings.epochs, kernel):
            pass
        kept = weights(pair, text) if settings.inherit else None
        tries.append({"loss": validation_loss(pair, settings), "parameters": parameters, "weights": kept})
    return min(tries, key=itemgetter("loss"))


def train_in_full(text: str, settings: ArchitectureSettings, kernel: Kernel | None = None) -> tuple[Weights, float]:
    """A network trained from new weights for ``final_epochs``: its weights in the best epoch, and their loss.

    The best epoch is the one with the lowest loss on the validation split.
    """
    seed = _seed(settings, Stream.FINAL, text, 0)
    pair = build(text, seed)
    best, lowest = weights(pair, text), validation_loss(pair, settings)
    for _ in trained(pair, settings, seed, settings.final_epochs, kernel):
        loss = validation_loss(pair, settings)
        if loss < lowest:
            best, lowest = weights(pair, text), loss
    return best, lowest


def validation_loss(pair: Autoencoder, settings: ArchitectureSettings) -> float:
    """The loss on the whole validation split, finite also where it is NaN."""
    return evaluate(pair, settings.problem, settings.loss)[0]


def build(text: str, seed: int) -> Autoencoder:
    """A pair with new weights, its output a sigmoid: the images have values in [0, 1]."""
    with seeded(seed):
        encoder, decoder = parse_architecture(text).build("sigmoid")
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def trained(
    pair: Autoencoder, settings: ArchitectureSettings, seed: int, epochs: int, kernel: Kernel | None = None
) -> Iterator[float]:
    """Train a pair in place, and say the training loss after each epoch."""
    how = {name: getattr(settings, name) for name in ("batch_size", "loss", "optimizer", "learning_rate")}
    how["kernel"] = kernel or settings.kernel
    how["mirror"] = settings.problem.image if settings.horizontal_flip else None
    for epoch in range(epochs):
        pair.seed = derive(seed, epoch)
        yield train_epoch([pair], settings.problem, **how).item()


def weights(pair: Autoencoder, text: str) -> Weights:
    """A copy of the weights of a pair, as plain tensors."""
    return {"text": text, **{name: genome.state()["weights"] for name, genome in zip(PARTS, pair, strict=True)}}


def restore(stored: Weights) -> Autoencoder:
    """The pair whose weights these are."""
    pair = build(stored["text"], 0)
    for name, genome in zip(PARTS, pair, strict=True):
        genome.module.load_state_dict(stored[name])
    return pair


def inherit(pair: Autoencoder, text: str, parent: Weights) -> int:
    """Copy the weights of layers that parent and child have in common, in place; the number of layers.

    Layers are the same that read and make the same; the longest runs of them count, so a layer that was inserted or
    changed leaves those before and behind it as they were. With a layer of the encoder goes its mirror.
    """
    mine, theirs = parse_architecture(text), parse_architecture(parent["text"])
    matcher = SequenceMatcher(None, theirs.layer_texts, mine.layer_texts, autojunk=False)
    old, new = _layers(restore(parent), theirs), _layers(pair, mine)
    matches = [(block.a + k, block.b + k) for block in matcher.get_matching_blocks() for k in range(block.size)]
    for here, there in matches:
        for source, target in zip(old[here], new[there], strict=True):
            target.load_state_dict(source.state_dict())
    return len(matches)


def _layers(pair: Autoencoder, architecture: Architecture) -> list[tuple[nn.Module, nn.Module]]:
    """Each layer of the encoder with its mirror."""
    there, back = ([layer for _, layer in prunable_layers(genome.module)] for genome in pair)
    assert len(there) == len(back) == len(architecture) + 1
    return list(zip(there, reversed(back), strict=True))


def _seed(settings: ArchitectureSettings, stream: Stream, text: str, attempt: int) -> int:
    """A stream that belongs to the architecture, so that its fitness does not depend on when it is measured."""
    key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    return stream.seed(settings.seed, key, attempt)


def constant_loss(problem: Problem, loss: str) -> float:
    """The held-out loss of the best constant reconstruction: the training mean of each input, with l1 the median."""
    train = problem.train
    constant = train.median(0).values if loss == "l1" else train.mean(0)
    return mean_loss(loss, constant.expand_as(problem.test), problem.test).item()
