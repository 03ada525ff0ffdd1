"""Estimators of scikit-learn's form: its own checks, and what they promise beside."""

import pickle
import random
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.estimators import PrunedAutoencoder, PrunedClassifier, PrunedRegressor
from evoprune.operators import mutPruneRandom

QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (16,),
    "learning_rate": 1e-2,
    "cells": 2,
    "max_iter": 20,
    "random_state": 0,
}
KINDS = (PrunedClassifier, PrunedRegressor, PrunedAutoencoder)
X, LABELS = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
WIDTH = X[:, 3] * 2 + 5
DEFAULT_CHECKS = {
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_fit2d_1feature",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
}


def made(kind, **options):
    """A quick estimator, and the targets that it wants."""
    targets = {PrunedClassifier: LABELS, PrunedRegressor: WIDTH, PrunedAutoencoder: None}[kind]
    return kind(**{**QUICK, **options}), targets


def fitted(kind, **options):
    estimator, y = made(kind, **options)
    return estimator.fit(X, y)


def weights(estimator):
    return [tensor.numpy() for genome in estimator.network_ for tensor in genome.module.state_dict().values()]


def same(one, other):
    """Whether two have the same networks and the same history, to the bit."""
    arrays = [*weights(one), one.history_.to_numpy()], [*weights(other), other.history_.to_numpy()]
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*arrays, strict=True))


@parametrize_with_checks([kind(**{**QUICK, "max_iter": 12, "random_state": None}) for kind in KINDS])
def test_the_checks_of_sklearn(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_some_of_them_with_default_parameters(kind):
    checks = [one for one in estimator_checks_generator(kind()) if one[1].func.__name__ in DEFAULT_CHECKS]
    assert len(checks) >= len(DEFAULT_CHECKS)
    for estimator, check in checks:
        check(estimator)


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_target_is_that_of_the_task(kind):
    assert kind().target_preserved == TASKS[kind._task].target_preserved


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", [0.05, 0.3, 1.0])
def test_the_network_keeps_what_was_asked_for(kind, target):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator = fitted(kind, target_preserved=target)
    total = sum(size for _, size in (genome.sizes for genome in estimator.network_))
    assert estimator.preserved_ == estimator.network_.preserved == pytest.approx(target, abs=3 / total)
    for genome in estimator.network_:
        for name, mask in genome.masks.items():
            assert not genome.module.get_parameter(name)[~mask].any()


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns(kind):
    assert fitted(kind, target_preserved=0.5, max_iter=60).score(X, made(kind)[1]) > 0.7


@pytest.mark.parametrize(
    ("kind", "metric"), list(zip(KINDS, ("validation_accuracy", "validation_r2", "validation_l1"), strict=True))
)
def test_the_history_has_a_row_a_generation(kind, metric):
    estimator = fitted(kind)
    history = estimator.history_
    assert history["gen"].tolist() == list(range(21))
    assert {"loss", "train_loss", "preserved", "mutpb", "updates", "validation_loss", metric} <= set(history.columns)
    assert estimator.n_iter_ == 20
    assert estimator.loss_ == history["validation_loss"].iloc[-1]


def test_a_grid_search_over_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), PrunedClassifier(**QUICK))
    grid = {
        "prunedclassifier__target_preserved": np.array([0.1, 0.5]),
        "prunedclassifier__operator": ["magnitude", "random", mutPruneRandom, "none"],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, LABELS)
    scores = search.cv_results_["mean_test_score"].reshape(4, 2)
    assert scores[3, 0] == scores[3, 1] > 0.8  # without pruning
    assert (scores[1] == scores[2]).all()  # by name or not
    assert search.predict(X[:5]).shape == (5,)


@pytest.mark.processes
def test_a_grid_search_in_processes():
    grid = {"target_preserved": [0.1, 0.5], "operator": ["magnitude", mutPruneRandom]}
    found = [GridSearchCV(PrunedClassifier(**QUICK), grid, cv=2, n_jobs=n).fit(X, LABELS) for n in (1, 2)]
    assert np.array_equal(*(search.cv_results_["mean_test_score"] for search in found))
    assert same(*(search.best_estimator_ for search in found))


@pytest.mark.parametrize(("kind", "kernel"), [*((kind, "auto") for kind in KINDS), (PrunedClassifier, "torch")])
def test_threads_do_not_change_a_bit(kind, kernel):
    before = torch.get_num_threads()
    assert same(fitted(kind, cells=4, kernel=kernel), fitted(kind, cells=4, kernel=kernel, n_jobs=3))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("kind", KINDS)
def test_random_state(kind):
    one = fitted(kind)
    assert same(one, clone(one).fit(X, made(kind)[1]))
    assert same(fitted(kind, random_state=np.random.RandomState(0)), one)
    assert not same(fitted(kind, random_state=1), one)
    np.random.seed(0)  # noqa: NPY002
    assert same(fitted(kind, random_state=None), one)
    assert not same(fitted(kind, random_state=None), one)


def test_the_global_generators_stay_as_they_were():
    states: Any = random.getstate(), np.random.get_state(legacy=False)["state"]["key"].copy(), torch.get_rng_state()  # noqa: NPY002
    fitted(PrunedClassifier, n_jobs=2, early_stopping=True).partial_fit(X, LABELS)
    assert random.getstate() == states[0]
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], states[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])


@pytest.mark.parametrize("kind", KINDS)
def test_stopping_early_leaves_the_target_reached(kind):
    estimator = fitted(kind, max_iter=40, finetune=0.5, early_stopping=True, n_iter_no_change=3, tol=0.5)
    watched = estimator.history_[estimator.history_["gen"] > 21]
    assert estimator.n_iter_ == 25  # pruned to generation 21; the next counts, and three do not fall by so much
    assert estimator.preserved_ == pytest.approx(0.2 if kind is PrunedAutoencoder else 0.1, abs=0.01)
    assert estimator.loss_ == watched["validation_loss"].min()
    assert fitted(kind, finetune=0.0, early_stopping=True, n_iter_no_change=1, tol=0.5).n_iter_ == 20


def test_without_pruning_stopping_early_watches_from_the_start():
    assert fitted(PrunedClassifier, operator="none", early_stopping=True, n_iter_no_change=2, tol=9).n_iter_ == 3


@pytest.mark.parametrize("kind", KINDS)
def test_calls_of_partial_fit_are_the_generations_of_fit(kind):
    estimator, y = made(kind, max_iter=6, validation_fraction=0.0)
    whole = clone(estimator).fit(X, y)
    options = {"classes": [0, 1, 2]} if kind is PrunedClassifier else {}
    for _ in range(6):
        estimator.partial_fit(X, y, **options)
    assert same(estimator, whole)
    estimator.partial_fit(X[:1], None if y is None else y[:1])
    assert estimator.n_iter_ == estimator.history_["gen"].iloc[-1] == 7
    assert estimator.preserved_ == whole.preserved_
    assert not same(estimator, whole)


@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_goes_on_after_fit(kind):
    estimator = fitted(kind)
    kept = estimator.preserved_
    estimator.partial_fit(X, made(kind)[1])
    assert (estimator.n_iter_, estimator.preserved_) == (21, kept)
    assert fitted(kind).history_.equals(estimator.fit(X, made(kind)[1]).history_)


def test_partial_fit_wants_to_know_the_classes():
    estimator = PrunedClassifier(**QUICK)
    with pytest.raises(ValueError, match="classes must be given in the first call"):
        estimator.partial_fit(X, LABELS)
    estimator.partial_fit(X[:50], LABELS[:50], classes=[0, 1, 2, 3])
    assert estimator.predict_proba(X).shape == (150, 4)
    with pytest.raises(ValueError, match=r"those of the first call.*got array\(\[0, 1\]\)"):
        estimator.partial_fit(X, LABELS, classes=[0, 1])
    with pytest.raises(ValueError, match="unseen"):
        estimator.partial_fit(X, LABELS + 9)
    with pytest.raises(ValueError, match="cells must be 2 as in the first call, got 3"):
        estimator.set_params(cells=3).partial_fit(X, LABELS)


def test_partial_fit_keeps_the_scale_of_the_first_values():
    estimator = PrunedRegressor(**QUICK).partial_fit(X, WIDTH)
    mean = estimator.target_mean_
    assert estimator.partial_fit(X, WIDTH + 1).target_mean_ == mean == pytest.approx(WIDTH.mean())
    with pytest.raises(ValueError, match="as in the first call"):
        estimator.partial_fit(X, X)


@pytest.mark.parametrize("kind", KINDS)
def test_pickling(kind):
    estimator = fitted(kind)
    again = pickle.loads(pickle.dumps(estimator))
    assert same(again, estimator)
    assert again.score(X, made(kind)[1]) == estimator.score(X, made(kind)[1])
    assert same(again.partial_fit(X, made(kind)[1]), estimator.partial_fit(X, made(kind)[1]))


def test_classes_may_be_texts():
    names = np.array(["setosa", "versicolor", "virginica"])[LABELS]
    estimator = PrunedClassifier(**QUICK).fit(X, names)
    assert estimator.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert (estimator.predict(X) == estimator.classes_[estimator.predict_proba(X).argmax(1)]).all()
    assert estimator.predict_proba(X).sum(1) == pytest.approx(1)
    assert np.array_equal(estimator.predict_proba(X), fitted(PrunedClassifier).predict_proba(X))


def test_hinge_gives_no_probabilities():
    estimator = fitted(PrunedClassifier, loss="hinge", target_preserved=0.5, max_iter=40)
    assert estimator.score(X, LABELS) > 0.8
    assert not hasattr(estimator, "predict_proba")


def test_the_scale_of_values_does_not_matter():
    one, other = fitted(PrunedRegressor), PrunedRegressor(**QUICK).fit(X, WIDTH * 1000 + 1e6)
    assert other.predict(X) == pytest.approx(one.predict(X) * 1000 + 1e6, rel=1e-6)
    assert one.predict(X).shape == (150,)
    both = PrunedRegressor(**QUICK).fit(X, np.stack([WIDTH, -WIDTH], axis=1))
    assert both.predict(X).shape == both.predict(X[:1]).repeat(150, axis=0).shape == (150, 2)
    assert PrunedRegressor(**QUICK).fit(X, WIDTH[:, None]).predict(X).shape == (150, 1)


def test_codes_and_back():
    estimator = fitted(PrunedAutoencoder, code_size=3)
    codes = estimator.transform(X)
    assert codes.shape == (150, 3)
    back = estimator.inverse_transform(codes)
    error = np.square(back - X).sum() / np.square(X - X.mean(0)).sum()
    assert estimator.score(X) == pytest.approx(1 - error)
    expected = estimator.network_(torch.tensor(X, dtype=torch.float32)).detach().numpy()
    assert back == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ValueError, match="codes of 3 values, got 4 features"):
        estimator.inverse_transform(X)


def test_an_autoencoder_of_values_in_the_unit_interval():
    bits = (X > 0).astype(np.float32)
    estimator = PrunedAutoencoder(**QUICK, loss="bce").fit(bits)
    back = estimator.inverse_transform(estimator.transform(bits))
    assert back.dtype == np.float32
    assert (back.min() >= 0) & (back.max() <= 1)


def test_data_frames():
    frame = pd.DataFrame(X, columns=list("abcd"))
    estimator = PrunedAutoencoder(**QUICK).set_output(transform="pandas").fit(frame)
    assert estimator.feature_names_in_.tolist() == list("abcd")
    names = ["prunedautoencoder0", "prunedautoencoder1"]
    assert estimator.transform(frame).columns.tolist() == estimator.get_feature_names_out().tolist() == names


def test_a_prediction_does_not_depend_on_its_company():
    estimator = fitted(PrunedRegressor)
    one_by_one = np.concatenate([estimator.predict(X[i : i + 1]) for i in range(150)])
    assert one_by_one == pytest.approx(estimator.predict(X), rel=1e-12)
