"""Estimators of scikit-learn's form: networks that are evolved and pruned behind ``fit`` and ``predict``.

A door, as the command line is: it may import from every folder, and nothing imports it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin, ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin
from sklearn.metrics import r2_score
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import check_array
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from evoprune.benchmarks.problems.array_problem import ArrayProblem
from evoprune.benchmarks.pruning.estimator import FLOATS, Pruned, through
from evoprune.checks import at_least, lookup, shown
from evoprune.layers import widths
from evoprune.networks import OUTPUTS

__all__ = ["PrunedAutoencoder", "PrunedClassifier", "PrunedRegressor"]


class PrunedClassifier(ClassifierMixin, Pruned):
    """A network that tells classes, evolved and pruned by an evolutionary algorithm.

    Classes may be whatever scikit-learn allows; ``classes_`` has them in order.
    """

    _task = "classification"
    _losses = MappingProxyType({"cross-entropy": "identity", "hinge": "identity"})

    def fit(self, X: Any, y: Any) -> Self:
        """Evolve and prune networks for samples X (samples, features) of classes y (samples,), at least two."""
        X, y = validate_data(self, X, y, dtype=FLOATS)
        check_classification_targets(y)
        classes, numbers = np.unique(y, return_inverse=True)
        self.classes_ = self._several(classes)
        return self._evolve(X, numbers.astype(np.int64), len(classes))

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """One more generation, on these samples alone; of ``max_iter`` calls the last prunes to the target.

        :param classes: all there are, in the first call.
        """
        first = self._is_new
        X, y = validate_data(self, X, y, dtype=FLOATS, reset=first)
        check_classification_targets(y)
        if first and classes is None:
            raise ValueError("classes must be given in the first call of partial_fit")
        given = self.classes_ if classes is None else self._several(np.unique(classes))
        if not first and not np.array_equal(given, self.classes_):
            raise ValueError(f"classes must be those of the first call, {shown(self.classes_)}, got {shown(given)}")
        self.classes_ = given
        encoder = LabelEncoder()
        encoder.classes_ = given
        return self._evolve_on(X, np.asarray(encoder.transform(y), dtype=np.int64), len(given))

    def predict(self, X: Any) -> np.ndarray:
        """The class of each sample, (samples,)."""
        outputs = self._outputs(X)
        return np.asarray(self.classes_[outputs.argmax(axis=1)])

    @available_if(lambda self: self.loss != "hinge")
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (samples, classes): the softmax of the outputs. Not there with loss hinge."""
        return np.asarray(softmax(self._outputs(X), axis=1))

    def _several(self, classes: np.ndarray) -> np.ndarray:
        if len(classes) < 2:
            raise ValueError(f"{type(self).__name__} needs at least two classes, got 1 class")
        return classes


class PrunedRegressor(RegressorMixin, Pruned):
    """A network that gives values, evolved and pruned by an evolutionary algorithm.

    It trains on values of mean 0 and standard deviation 1, which ``predict`` turns back by ``target_mean_`` and
    ``target_scale_``; ``network_``, ``loss_`` and ``history_`` are in that scale. X is not scaled.
    """

    _task = "regression"
    _losses = MappingProxyType({"mse": "identity", "l1": "identity"})

    def fit(self, X: Any, y: Any) -> Self:
        """Evolve and prune networks for samples X (samples, features) of values y, (samples,) or (samples, outputs)."""
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True)
        return self._evolve(X, self._scaled(y, first=True))

    def partial_fit(self, X: Any, y: Any) -> Self:
        """One more generation, on these samples alone; of ``max_iter`` calls the last prunes to the target.

        Values keep the scale that those of the first call have given.
        """
        first = self._is_new
        X, y = validate_data(self, X, y, dtype=FLOATS, multi_output=True, y_numeric=True, reset=first)
        return self._evolve_on(X, self._scaled(y, first))

    def predict(self, X: Any) -> np.ndarray:
        """The values of each sample, of the form of y in ``fit``."""
        outputs = self._outputs(X)
        if self.target_mean_.ndim == 0:
            outputs = outputs[:, 0]
        return np.asarray(outputs * self.target_scale_ + self.target_mean_)

    def _scaled(self, y: np.ndarray, first: bool) -> np.ndarray:
        """Values as the network learns them, (samples, outputs)."""
        y = np.asarray(y, dtype=np.float64)
        if first:
            spread = y.std(axis=0)
            self.target_mean_, self.target_scale_ = y.mean(axis=0), np.where(spread > 0, spread, 1.0)
        elif y.shape[1:] != self.target_mean_.shape:
            raise ValueError(f"y must be (samples, *{self.target_mean_.shape}) as in the first call, got {y.shape}")
        return ((y - self.target_mean_) / self.target_scale_).reshape(len(y), -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class PrunedAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Pruned):
    """An encoder and a decoder, evolved and pruned by an evolutionary algorithm: ``transform`` gives codes.

    :param code_size: units of the code, at most as many as features; None for half of these, at most ten.
    :param output_activation: ``"identity"``, ``"sigmoid"``, ``"relu"`` or ``"tanh"``, after the last layer; None for
        what suits the loss, sigmoid for bce.
    """

    _task = "reconstruction"
    _losses = MappingProxyType({"mse": "identity", "l1": "identity", "bce": "sigmoid"})

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
        code_size: int | None = None,
        activation: str = "relu",
        output_activation: str | None = None,
        operator: Any = "magnitude",
        operator_options: Mapping[str, Any] | None = None,
        target_preserved: float = 0.2,
        schedule: Any = "fixed",
        scope: str = "global",
        finetune: float = 0.2,
        loss: str | None = None,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        batch_size: int = 16,
        cells: int = 4,
        radius: int = 1,
        max_iter: int = 200,
        validation_fraction: float = 0.1,
        early_stopping: bool = False,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        random_state: Any = None,
        n_jobs: int | None = None,
        device: str = "cpu",
        kernel: str = "auto",
        verbose: bool = False,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in OWN}
        super().__init__(**given)
        self.code_size, self.output_activation = code_size, output_activation

    def fit(self, X: Any, y: Any = None) -> Self:
        """Evolve and prune networks for samples X (samples, features); y is not used."""
        return self._evolve(validate_data(self, X, dtype=FLOATS))

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """One more generation, on these samples alone; of ``max_iter`` calls the last prunes to the target."""
        return self._evolve_on(validate_data(self, X, dtype=FLOATS, reset=self._is_new))

    def transform(self, X: Any) -> np.ndarray:
        """The codes of samples, (samples, code_size)."""
        return self._outputs(X, slice(1)).astype(_dtype(X))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """What the decoder makes of codes, (samples, features)."""
        check_is_fitted(self)
        codes = check_array(X, dtype=FLOATS)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(f"X must be codes of {self._n_features_out} values, got {codes.shape[1]} features")
        return through(self.network_[1:], codes).astype(codes.dtype)

    def score(self, X: Any, y: Any = None) -> float:
        """The share of the variance of X, of all features together, that is left after coding and decoding.

        1 is the best, 0 is what the mean of each feature gets. Of a linear code it is what the
        ``explained_variance_ratio_`` of a PCA adds up to, on the samples that it was fitted to.
        """
        outputs = self._outputs(X)
        return float(r2_score(check_array(X, dtype=FLOATS), outputs, multioutput="variance_weighted"))

    @property
    def _n_features_out(self) -> int:
        width, _ = widths(self.network_[1].module)
        return int(width or 0)

    def _widths(self, problem: ArrayProblem) -> list[int]:
        size = min(10, max(1, problem.inputs // 2)) if self.code_size is None else self.code_size
        at_least("code_size", size, 1, whole=True, most=problem.inputs)
        return [*self._hidden, int(size)]

    def _output(self, loss: str) -> str:
        if self.output_activation is not None:
            lookup("output_activation", self.output_activation, OUTPUTS)
        return self.output_activation or super()._output(loss)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


OWN = ("self", "__class__", "code_size", "output_activation")
"""What stands in the constructor of an autoencoder beside the parameters of all."""


def _dtype(X: Any) -> Any:
    """The type of floats that are given back for samples."""
    return np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64
