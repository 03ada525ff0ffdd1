"""What a trained network is worth: its RMSE, and how well a classifier does on its codes."""

import math
from typing import Any

import torch
from torch import Tensor

from evoprune.benchmarks.weights.genetic import rmse
from evoprune.benchmarks.weights.settings import WeightsSettings
from evoprune.runs.state import RunResult
from evoprune.runs.terminal import text_table
from evoprune.shrinking.counts import macs_left
from evoprune.tied import TiedAutoencoder


def measure(pair: TiedAutoencoder, settings: WeightsSettings) -> dict[str, Any]:
    """RMSE on training and held-out data, the classifier's accuracy on held-out data, and the shares that are kept."""
    problem = settings.problem
    return {
        "rmse_train": rmse(pair, settings.training),
        "rmse_test": rmse(pair, problem.test),
        "accuracy_test": accuracy(settings, pair.code(settings.training), pair.code(problem.test)),
        "preserved": pair.preserved,
        "macs_kept": macs_left(pair, problem.test[:1]),
    }


def references(settings: WeightsSettings) -> dict[str, Any]:
    """What to compare with: the RMSE of the mean training sample, and the classifier's accuracy on the inputs."""
    train, test = settings.training, settings.problem.test
    return {
        "trivial_rmse": float((test - train.mean(0)).square().mean().sqrt()),
        "accuracy_inputs": accuracy(settings, train, test),
    }


def accuracy(settings: WeightsSettings, train: Tensor, test: Tensor) -> float | None:
    """The share of test samples that a support vector machine on standardized features (samples, features) gets right.

    scikit-learn's ``SVC`` with its defaults (RBF kernel, C = 1, gamma = 1 / (features * variance)), fitted on the first
    ``classifier_samples`` training samples. None for features that are not finite, and where there is one class only.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC  # slow to import

    problem, count = settings.problem, min(settings.classifier_samples, len(train))
    assert problem.train_labels is not None
    assert problem.test_labels is not None
    labels = problem.train_labels[:count]
    if not (torch.isfinite(train).all() and torch.isfinite(test).all()) or len(labels.unique()) < 2:
        return None
    classifier = make_pipeline(StandardScaler(), SVC())
    classifier.fit(train[:count].double().numpy(), labels.numpy())
    return float(classifier.score(test.double().numpy(), problem.test_labels.numpy()))


def table(result: RunResult) -> str:
    """This run beside the other methods at as many gradient steps, the mean sample, and the inputs themselves."""
    summary = result.summary
    runs = {f"this run ({summary['method']})": summary, **(summary["compared"] or {})}
    rows = [
        (name, *(_error(run[key]) for key in ("rmse_train", "rmse_test")), _percent(run["accuracy_test"]))
        for name, run in runs.items()
    ]
    rows.append(("the mean training sample", "", f"{summary['trivial_rmse']:.4f}", ""))
    rows.append(("the inputs themselves", "", "", _percent(summary["accuracy_inputs"])))
    heads = (f"{summary['updates']} gradient steps each", "training RMSE", "held-out RMSE", "held-out accuracy")
    return text_table(heads, rows)


def _error(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "not finite"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f} %"
