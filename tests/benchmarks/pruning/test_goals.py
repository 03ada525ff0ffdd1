"""How much a run prunes: one goal at a time, that the operator can reach."""

import pytest

from evoprune.benchmarks.pruning.effects import idle
from evoprune.benchmarks.pruning.providers import pruning
from evoprune.benchmarks.pruning.settings import make_settings
from tests.benchmarks.tiny import TINY

UNITS = TINY | {"operator": "units"}


def goal(settings):
    return settings.amount, settings.target_preserved, settings.target_macs


def test_a_later_goal_takes_the_place_of_an_earlier_one():
    assert goal(make_settings(UNITS)) == (None, 0.2, None)
    assert goal(make_settings(UNITS, {"target_macs": 0.4})) == (None, None, 0.4)
    assert goal(make_settings(UNITS | {"target_macs": 0.4}, {"amount": 0.3})) == (0.3, None, None)
    assert goal(make_settings(UNITS | {"target_preserved": 0.3}, {"target_macs": 0.5})) == (None, None, 0.5)
    assert goal(make_settings(UNITS | {"target_macs": 0.5}, {"seed": 3})) == (None, None, 0.5)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"operator": "units", "target_macs": 0.0}, r"target_macs must be a number in \(0, 1\], got 0.0"),
        ({"operator": "units", "target_macs": 1.5}, "target_macs"),
        ({"operator": "units", "target_macs": 0.5, "amount": 0.1}, "give amount or target_macs, not both"),
        (
            {"operator": "units", "target_macs": 0.5, "target_preserved": 0.1},
            "target_preserved or target_macs, not both",
        ),
        ({"operator": "magnitude", "target_macs": 0.5}, "takes whole units, such as units; got operator magnitude"),
        ({"operator": "conjunctive", "target_macs": 0.5}, "got operator conjunctive"),
        (UNITS | {"target_macs": 0.5, "semantics": "reference"}, "target_macs needs semantics persistent"),
        (
            {"operator": "units", "target_macs": 0.1, "probability": 0.1, "generations": 4},
            "target_macs=0.1",
        ),
        ({"operator": "units", "compact_every": -1}, "compact_every"),
        ({"operator": "units", "operator_options": {"score": "size"}}, "score"),
    ],
)
def test_bad_goals_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        make_settings(TINY | values).check_data()


def test_without_pruning_a_goal_says_nothing():
    assert make_settings(TINY | {"operator": "none", "target_macs": 0.5}).target_macs == 0.5
    found = idle(make_settings(TINY | {"operator": "none", "target_macs": 0.5, "compact_every": 2}).as_dict())
    assert found["target_macs"] == found["compact_every"] == "operator"
    assert (
        idle(make_settings(TINY | {"semantics": "reference", "compact_every": 2}).as_dict())["compact_every"]
        == "semantics"
    )


@pytest.mark.parametrize(
    ("values", "measure"),
    [({"amount": 0.1}, "units"), ({"target_preserved": 0.5}, "weights"), ({"target_macs": 0.5}, "macs")],
)
def test_the_goal_says_what_amounts_are_shares_of(values, measure):
    settings = make_settings(UNITS | values)
    operator = pruning(settings, settings.scheduled).operator
    operator = operator if "amount" in values else operator.operator
    assert operator.values["measure"] == measure
