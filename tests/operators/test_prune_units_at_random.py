"""What holds whatever the network, the amounts and their order: whole units go, and what is left computes the same."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, genomes
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.operators import mutPruneUnits
from evoprune.operators.structured import BOOKS
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.whole_units import EVIDENCE, check_smaller, check_whole, kept, living, masks

WIDTHS = st.lists(st.integers(1, 6), min_size=0, max_size=3)
FIXED = settings(max_examples=40)


@st.composite
def individuals(draw: st.DrawFn) -> Any:
    """Pairs and genomes of any widths, plain, tied, variational or with convolutions and norms."""
    torch.manual_seed(draw(st.integers(0, 1000)))
    kind = draw(st.sampled_from(["plain", "pair", "tied", "variational", "maps"]))
    inner, activation = draw(WIDTHS), draw(st.sampled_from(["relu", "tanh", "leaky-relu", "gelu"]))
    if kind == "plain":
        return Genome(mlp_encoder([16, *inner, 3], activation))
    if kind == "tied":
        return TiedAutoencoder(TiedNetwork((16, *inner, draw(st.integers(1, 5))), activation))
    if kind in ("pair", "variational"):
        code, back = draw(st.integers(1, 5)), draw(WIDTHS)
        make = mlp_encoder if kind == "pair" else variational_encoder
        decoder = mlp_decoder([code, *back, 16], activation=activation)
        return Autoencoder([Encoder(make([16, *inner, code], activation)), Decoder(decoder)])
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 4, 4))]
    channels = 1
    for width in inner:
        transposed = draw(st.booleans())
        size, bias = draw(st.sampled_from([1, 3])), draw(st.booleans())
        build = nn.ConvTranspose2d if transposed else nn.Conv2d
        layers.append(build(channels, width, size, padding=size // 2, bias=bias))
        layers += [nn.BatchNorm2d(width)] * draw(st.booleans())
        layers.append(draw(st.sampled_from([nn.ReLU(), nn.Tanh(), nn.Identity()])))
        channels = width
    side = 4
    if draw(st.booleans()):
        layers.append(draw(st.sampled_from([nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(2)])))
        side = 2
    layers += [nn.Flatten(), nn.Linear(channels * side**2, 4)]
    if draw(st.booleans()):
        layers += [nn.Unflatten(1, (2, 2, 1)), nn.Conv2d(2, 3, 1)]
    return Genome(nn.Sequential(*layers))


@FIXED
@given(
    individual=individuals(),
    steps=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["tensor", "global"]), st.sampled_from(sorted(BOOKS))),
        min_size=1,
        max_size=3,
    ),
    score=st.sampled_from(["l1", "l2", "activation", "variance"]),
    persistent=st.booleans(),
)
def test_whole_units_go_and_what_is_left_computes_the_same(
    individual: Any, steps: list[tuple[float, str, str]], score: Any, persistent: bool
) -> None:
    for amount, scope, measure in steps:
        before, units, weights = masks(individual), living(individual), kept(individual)
        mutPruneUnits(individual, amount, score, **EVIDENCE, scope=scope, measure=measure, persistent=persistent)
        assert not any(bool((new & ~old).any()) for old, new in zip(before, masks(individual), strict=True))
        now = living(individual)
        assert all(1 <= now[label] <= count for label, count in units.items())
        if not persistent:
            assert now == units
        elif measure == "units" and scope == "tensor":
            assert now == {label: n - min(round(amount * n), n - 1) for label, n in units.items()}
        elif measure == "units":
            least = sum(units.values())
            assert sum(now.values()) == max(least - round(amount * least), len(units))
        else:
            assert kept(individual) <= weights
    if not persistent:  # so that masks say what is left; several amounts may have set all of a layer to zero
        if len(steps) > 1:
            return
        for genome in genomes(individual):
            for name in genome.masks:
                genome.prune(name, genome.module.get_parameter(name) != 0)
    check_whole(individual)
    check_smaller(individual)
