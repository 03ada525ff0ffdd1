"""The parameters of estimators: operators and schedules of one's own, numbers of numpy, and what is refused."""

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from evoprune.estimators import PrunedAutoencoder, PrunedClassifier, PrunedRegressor
from evoprune.operators import OPERATORS, SCHEDULES, Exponential
from evoprune.operators.choice import prune_lowest

QUICK: dict[str, Any] = {"hidden_layer_sizes": (8,), "cells": 2, "max_iter": 5, "random_state": 0}
X, LABELS = load_iris(return_X_y=True)


def mutPruneLast(individual, amount, power=1.0):
    """The later a weight, the sooner it goes."""
    scores = [(g, {n: -(m.flatten().cumsum(0).view(m.shape) ** power) for n, m in g.masks.items()}) for g in individual]
    prune_lowest(scores, amount, "global")
    return (individual,)


def test_an_operator_of_ones_own():
    known = dict(OPERATORS), dict(SCHEDULES)
    estimator = PrunedClassifier(operator=mutPruneLast, schedule=lambda t, T: float(t > 1), **QUICK)
    masks = estimator.fit(X, LABELS).network_[0].masks
    assert estimator.preserved_ == pytest.approx(0.1, abs=0.02)
    assert estimator.history_["mutpb"].tolist() == [0, 0, 0, 1, 1, 0]
    assert masks["0.weight"][0, 0]
    assert not masks["0.weight"][-1, -1]
    assert (dict(OPERATORS), dict(SCHEDULES)) == known


def test_an_operator_in_a_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def mutNothing(individual, power=1.0):\n    return (individual,)\n")
    estimator = PrunedClassifier(operator=f"{path}:mutNothing", operator_options={"power": 2.0}, **QUICK)
    assert estimator.fit(X, LABELS).preserved_ == 1


def test_a_threshold_is_an_option_of_the_operator_that_takes_it():
    options = [{"threshold": share} for share in (0.0, 0.9)]
    kept = [PrunedClassifier(operator="conjunctive", operator_options=o, **QUICK).fit(X, LABELS) for o in options]
    assert kept[0].preserved_ > kept[1].preserved_


def test_a_ring_of_one_cell_and_numbers_of_numpy():
    numbers: dict[str, Any] = {
        "cells": np.int64(1),
        "max_iter": np.int64(3),
        "target_preserved": np.float32(0.5),
        "batch_size": 10**6,
    }
    for sizes in (6, [np.int64(6)], ()):
        estimator = PrunedClassifier(hidden_layer_sizes=sizes, random_state=np.int64(3), **numbers).fit(X, LABELS)
        assert estimator.preserved_ == pytest.approx(0.5, abs=0.05)
        assert estimator.history_["updates"].iloc[-1] == 3  # gradient steps, of all samples


def test_what_diverges_is_said():
    with pytest.warns(ConvergenceWarning, match="every cell has diverged"):
        PrunedRegressor(**{**QUICK, "learning_rate": 1e30}).fit(X, X[:, 0])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": "16"}, "hidden_layer_sizes must be whole numbers, got '16'"),
        ({"hidden_layer_sizes": (16, 0)}, "hidden_layer_sizes must be a whole number of at least 1, got 0"),
        ({"hidden_layer_sizes": 1.5}, "hidden_layer_sizes must be whole numbers, got 1.5"),
        ({"activation": "rellu"}, "unknown activation 'rellu': did you mean 'relu'"),
        ({"operator": "magnitud"}, "unknown operator 'magnitud': did you mean 'magnitude'"),
        ({"operator": 3}, "operator must be a name or a function, got 3"),
        ({"operator": mutPruneLast, "operator_options": {"pover": 2.0}}, "did you mean 'power'"),
        ({"operator_options": {"threshold": 0.5}}, "operator magnitude has no options, got threshold=0.5"),
        ({"operator_options": [1]}, r"operator_options must be a dict or None, got \[1\]"),
        ({"target_preserved": 0.0}, "target_preserved must be a number in"),
        ({"target_preserved": 2}, r"target_preserved must be a number in \[0, 1\], got 2"),
        ({"schedule": Exponential}, "schedule must be a name or a function"),
        ({"schedule": "population"}, "target_preserved=0.1 cannot be reached with .* in 5 generations"),
        ({"scope": "layer"}, "unknown scope 'layer'"),
        ({"finetune": -1}, "finetune must be a number in"),
        ({"loss": "mse"}, "unknown loss 'mse'.*known: cross-entropy, hinge"),
        ({"optimizer": "adm"}, "unknown optimizer 'adm'"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"cells": 1.5}, "cells must be a whole number of at least 1, got 1.5"),
        ({"radius": -1}, "radius must be a whole number of at least 0"),
        ({"max_iter": True}, "max_iter must be a whole number of at least 1, got True"),
        ({"validation_fraction": 1}, "validation_fraction must be below 1"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be"),
        ({"tol": float("nan")}, "tol must be a number of at least 0, got nan"),
        ({"random_state": "x"}, "random"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"kernel": "c"}, "unknown kernel 'c'"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_parameters_are_checked_before_any_work(parameters, message):
    estimator = PrunedClassifier(**{**QUICK, **parameters})
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, LABELS)
    assert not hasattr(estimator, "network_")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"code_size": 5}, "code_size must be at most 4, got 5"),
        ({"code_size": 0}, "code_size must be a whole number of at least 1, got 0"),
        ({"output_activation": "softmax"}, "unknown output_activation 'softmax'"),
        ({"loss": "bce"}, r"loss bce needs data in \[0, 1\]"),
        ({"loss": "bce", "output_activation": "identity"}, "needs output sigmoid, got identity"),
    ],
    ids=str,
)
def test_those_of_an_autoencoder_too(parameters, message):
    with pytest.raises(ValueError, match=message):
        PrunedAutoencoder(**{**QUICK, **parameters}).fit(X)


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (PrunedClassifier, (X, np.zeros(150)), "at least two classes, got 1 class"),
        (PrunedClassifier, (X, X[:, 0] * 1.01), "Unknown label type"),
        (PrunedRegressor, (X, np.where(LABELS, np.nan, 1.0)), "contains NaN"),
        (PrunedAutoencoder, (X * 1e300,), "X has numbers that float32 cannot hold: at most 3.4e"),
    ],
)
def test_data_are_checked(kind, data, message):
    with pytest.raises(ValueError, match=message):
        kind(**QUICK).fit(*data)
