"""The contract: any network that Hypothesis draws computes the same without its dead units."""

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor

from evoprune import Genome
from evoprune.shrinking.compacting import compacted
from evoprune.shrinking.dead import unmade, unread
from evoprune.shrinking.joints import chain
from tests.evoprune.shrinking.by_hand import shrunk
from tests.evoprune.shrinking.drawn import individuals


def check_any(drawn: tuple[Any, Tensor]) -> None:
    """Compaction is exact, leaves nothing dead but what it gives reasons for, and once more changes nothing."""
    individual, x = drawn
    small, removed = shrunk(individual, x, tolerance=1e-5 if x.dtype == torch.float32 else 1e-12)
    for joint in chain(Genome(small)).joints:
        if joint.units > 1:
            gone = torch.stack([unread(one, masked=False) for one in joint.passes])
            constant = torch.stack([unmade(one, masked=False) for one in joint.passes])
            assert not bool(gone.all(0).any())
            assert removed.reasons or not bool((gone | constant).all(0).any())


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(individuals())
def test_any_network(drawn: tuple[Any, Tensor]):
    check_any(drawn)


@pytest.mark.slow
@settings(max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
@given(individuals())
def test_many_networks(drawn: tuple[Any, Tensor]):
    check_any(drawn)


def test_drawn_networks_have_dead_units():
    """Else the tests above say nothing."""
    counts: list[bool] = []

    @settings(max_examples=60, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(individuals())
    def count(drawn: tuple[Any, Tensor]) -> None:
        counts.append(bool(compacted(drawn[0])[1].units))

    count()
    assert sum(counts) > len(counts) / 3
