"""Settings are checked when they are made, and layers fall as they should."""

import dataclasses

import pytest

from evoprune.benchmarks.pruning.presets import PRESETS
from evoprune.benchmarks.pruning.settings import PAPER, Settings, make_settings


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"operator": "randon"}, "unknown operator 'randon': did you mean 'random'"),
        ({"schedule": "x"}, "unknown schedule 'x'; known: decrease, exponential"),
        ({"benchmark": "digit"}, "did you mean 'digits'"),
        ({"network": "defualt"}, "did you mean 'default'"),
        ({"activation": "rel"}, "did you mean 'relu'"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"probability": 1.5}, r"probability must be a number in \[0, 1\], got 1.5"),
        ({"probability": float("nan")}, "probability must be a finite number"),
        ({"amount": -0.1}, r"amount must be a number in \[0, 1\], got -0.1"),
        ({"target_preserved": 0.0}, r"target_preserved must be a number in \(0, 1\], got 0.0"),
        ({"target_preserved": 1.5}, "target_preserved"),
        ({"amount": 0.1, "target_preserved": 0.2}, "not both"),
        ({"threshold": 1.0}, r"threshold must be in \[0, 1\)"),
        ({"threshold": float("nan")}, "threshold"),
        ({"radius": 6}, "radius 6 is larger than a ring of 10 cells allows: at most 5"),
        ({"topology": "torus", "cells": 9, "radius": 3}, "torus of 3 x 3"),
        ({"network": "30-10", "decoder": "8-30"}, "code has 10 units, but the decoder takes 8"),
        ({"decoder": "ten"}, "decoder must be widths"),
        ({"generations": 0}, "generations must be a whole number of at least 1, got 0"),
        ({"generations": 1.5}, "generations must be of type int, got 1.5"),
        ({"cells": True}, "cells must be of type int, got True"),
        ({"shuffle": 1}, "shuffle must be of type bool"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"rate_sigma": -1.0}, "rate_sigma"),
        ({"chunk": 0}, "chunk"),
        ({"seed": -1}, "seed"),
        ({"finetune": 2.0}, "finetune"),
        ({"algorithm": "all-vs-all", "opponents": "random"}, "opponents random belongs to the spatial algorithm"),
        ({"semantics": "reference", "target_preserved": 0.3}, "weights grow again"),
    ],
)
def test_bad_values_are_named(overrides: dict, message: str):
    with pytest.raises(ValueError, match=message):
        make_settings(overrides)


def test_an_unknown_setting_offers_the_nearest():
    with pytest.raises(ValueError, match="unknown setting 'generation': did you mean 'generations'"):
        make_settings({"generation": 3})


def test_reference_semantics_starts_from_the_papers_settings():
    settings = make_settings({"semantics": "reference", "generations": 7})
    assert settings.as_dict() == Settings(**(PAPER | {"generations": 7})).as_dict()
    assert (settings.loss, settings.optimizer, settings.learning_rate) == ("l1", "adam-anew", 1e-5)


def test_the_papers_canonical_keeps_adam_and_lets_the_rate_fall():
    settings = make_settings({"semantics": "reference", "algorithm": "canonical"})
    assert (settings.cells, settings.optimizer, settings.rate_decay) == (1, "adam-0.5", "step")


def test_canonical_has_one_pair():
    assert make_settings({"algorithm": "canonical"}).cells == 1
    with pytest.raises(ValueError, match="one pair, got cells 3"):
        make_settings({"algorithm": "canonical", "cells": 3})


def test_later_layers_win_and_amount_and_target_replace_each_other():
    settings = make_settings({"seed": 1, "amount": 0.1}, {"seed": 2, "target_preserved": 0.5})
    assert (settings.seed, settings.amount, settings.target_preserved) == (2, None, 0.5)
    assert make_settings({"target_preserved": 0.5}, {"amount": 0.3}).amount == 0.3


def test_population_schedule_knows_the_neighbourhood():
    settings = make_settings({"schedule": "population", "finetune": 0.0, "radius": 2, "probability": 0.5})
    assert settings.timing(99, 99) == pytest.approx(0.5 / 5)


def test_fine_tuning_ends_the_schedule():
    settings = make_settings({"schedule": "fixed", "probability": 0.5, "finetune": 0.5, "generations": 11})
    assert [settings.timing(t, 10) for t in (0, 5, 6, 10)] == [0.5, 0.5, 0.0, 0.0]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_and_has_a_line(name: str):
    line, overrides = PRESETS[name]
    assert line
    make_settings(overrides)


def test_every_setting_has_a_help_text():
    assert all(field.metadata["help"] for field in dataclasses.fields(Settings))


def test_batch_larger_than_the_data_is_found_before_any_work():
    with pytest.raises(ValueError, match="batch_size 50 is larger than the 40 training samples"):
        make_settings({"batch_size": 50, "n_samples": 40}).check_data()


def test_a_code_larger_than_the_inputs_is_found_before_any_work():
    with pytest.raises(ValueError, match="a code of 80 is longer than the 64 inputs"):
        make_settings({"benchmark": "digits", "network": "80"}).check_data()


def test_settings_survive_a_round_trip():
    settings = make_settings({"operator": "variance", "target_preserved": 0.4})
    assert Settings(**settings.as_dict()) == settings
