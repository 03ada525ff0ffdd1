"""What the estimators of :mod:`evoprune.estimators` have in common: their parameters, and the run behind ``fit``."""

import copy
import warnings
from collections.abc import Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from evoprune import records
from evoprune.benchmarks.problems.array_problem import ArrayProblem, held_out, problem_of_arrays
from evoprune.benchmarks.pruning.arrays import Best, array_settings, begin, evolve, named, settled, threads
from evoprune.checks import at_least, in_unit_interval, lookup, shown
from evoprune.genome import Genome

FLOATS = (np.float64, np.float32)
"""What samples may be; other numbers become the first."""
SAME = (
    "activation",
    "target_preserved",
    "scope",
    "finetune",
    "optimizer",
    "learning_rate",
    "cells",
    "device",
    "kernel",
)
"""Parameters that are settings of the same name."""
PARAMETERS = """

    :param hidden_layer_sizes: units of each hidden layer; of an autoencoder those of the encoder, which the decoder
        mirrors.
    :param activation: nonlinearity between the layers: ``"relu"``, ``"tanh"``, ``"sigmoid"``, ``"leaky-relu"``,
        ``"elu"``, ``"gelu"`` or ``"identity"``.
    :param operator: what prunes: ``"magnitude"``, ``"random"``, ``"variance"``, ``"conjunctive"``, ``"none"``, an
        operator of DEAP's form (a function of an individual), or ``"file.py:NAME"``.
    :param operator_options: dict of the operator's own parameters, and ``threshold`` where it takes that.
    :param target_preserved: share of the weights to keep, in (0, 1], for operators that take an amount.
    :param schedule: when to prune: a name such as ``"fixed"`` or ``"exponential"``, with a probability of at most 1, or
        what is called as ``schedule(t, T)``, such as ``Exponential(0.5)``.
    :param scope: ``"global"``: the least of the whole network go first; ``"tensor"``: as many of every layer.
    :param finetune: share of ``max_iter``, at the end, without pruning.
    :param loss: {losses}.
    :param optimizer: ``"adam"`` or ``"sgd"``; ``evoprune list`` shows all.
    :param learning_rate: that cells begin with; it takes small random steps.
    :param batch_size: samples a gradient step; all, where these are fewer.
    :param cells: networks on a ring; in each generation every cell trains an offspring of its neighbourhood for an
        epoch.
    :param radius: how far a neighbourhood reaches, at most half of the ring; 0 keeps the cells apart.
    :param max_iter: generations, over which pruning is planned.
    :param validation_fraction: share of the samples that choose the best cell and do not train. With 0, or too few
        samples (fewer than ten, or a class of one), all train and choose.
    :param early_stopping: stop when the validation loss no longer falls, and give the best network so far. It watches
        from the end of pruning on: the target is reached all the same, and with ``finetune=0`` nothing stops early.
    :param n_iter_no_change: after how many generations without such a fall.
    :param tol: what counts as a fall.
    :param random_state: an int for the same result, to the bit, each time.
    :param n_jobs: threads in which cells train by the native kernel (torch trains all at once), -1 for all cores. The
        result does not depend on it.
    :param device: where training happens: ``"cpu"``, ``"cuda"`` or ``"auto"``.
    :param kernel: what computes gradient steps: ``"auto"``, ``"native"`` or ``"torch"``.
    :param verbose: show a progress bar.
    :raises ValueError: by ``fit``, for a parameter or data that do not fit, before any work.

    Attributes: ``network_``, the individual, a network of genomes with masks; ``preserved_``, the share of its weights
    that is kept; ``loss_``, its loss on the validation part; ``history_``, a DataFrame with a row a generation, from 0,
    the first networks; ``n_iter_``, the generations done; ``n_features_in_`` and, of DataFrames,
    ``feature_names_in_``."""


class Pruned(BaseEstimator):
    """Parameters, and how they become a run; a subclass says what the task is."""

    _task: str
    _losses: Mapping[str, str]
    """The losses that suit the task, each with its output; the first is the default."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "_losses" in vars(cls):
            first, *others = (f'``"{name}"``' for name in cls._losses)
            losses = f"{first}, which None stands for, or {' or '.join(others)}"
            cls.__doc__ = (cls.__doc__ or "").rstrip() + PARAMETERS.format(losses=losses)

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        *,
        activation: str = "relu",
        operator: Any = "magnitude",
        operator_options: Mapping[str, Any] | None = None,
        target_preserved: float = 0.1,
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
        self.hidden_layer_sizes, self.activation, self.loss = hidden_layer_sizes, activation, loss
        self.operator, self.operator_options, self.schedule = operator, operator_options, schedule
        self.target_preserved, self.scope, self.finetune = target_preserved, scope, finetune
        self.optimizer, self.learning_rate, self.batch_size = optimizer, learning_rate, batch_size
        self.cells, self.radius, self.max_iter = cells, radius, max_iter
        self.validation_fraction, self.early_stopping = validation_fraction, early_stopping
        self.n_iter_no_change, self.tol, self.random_state = n_iter_no_change, tol, random_state
        self.n_jobs, self.device, self.kernel, self.verbose = n_jobs, device, kernel, verbose

    def _evolve(self, X: np.ndarray, targets: np.ndarray | None = None, classes: int = 0) -> Self:
        """A whole run.

        :param targets: numbers of classes (samples,), or values (samples, outputs).
        """
        self._check()
        seed = self._new_seed()
        places = held_out(len(X), self.validation_fraction, seed, targets if classes else None)
        patience = int(self.n_iter_no_change) if self.early_stopping else None
        self._train(self._problem(X, targets, classes, places), seed, int(self.max_iter), patience=patience)
        self._grid: list[Any] = []  # partial_fit goes on with copies of the best
        return self

    def _evolve_on(self, X: np.ndarray, targets: np.ndarray | None = None, classes: int = 0) -> Self:
        """One more generation; all samples train and choose."""
        self._check()
        problem = self._problem(X, targets, classes)
        if self._is_new:
            self._grid = self._train(problem, self._new_seed(), 1)
            return self
        grid = self._grid or [copy.deepcopy(self.network_) for _ in range(self.cells)]
        if len(grid) != self.cells:
            raise ValueError(f"cells must be {len(grid)} as in the first call, got {shown(self.cells)}")
        log = self.history_.to_dict("records")
        self._grid = self._train(problem, self._seed, self.n_iter_ + 1, grid, log)
        return self

    @property
    def _is_new(self) -> bool:
        return not hasattr(self, "network_")

    def _train(
        self,
        problem: ArrayProblem,
        seed: int,
        until: int,
        grid: list[Any] | None = None,
        log: Any = (),
        patience: int | None = None,
    ) -> list[Any]:
        """Do the generations up to number ``until`` and keep what came of them; the grid.

        Those above ``max_iter`` train alone.
        """
        loss = next(iter(self._losses)) if self.loss is None else self.loss
        lookup("loss", loss, self._losses)
        with named("operator", self.operator) as operator, named("schedule", self.schedule) as schedule:
            settings = array_settings(
                problem,
                operator_options=self.operator_options or {},
                operator=operator if until <= self.max_iter else "none",
                schedule=schedule,
                network="-".join(map(str, self._widths(problem))),
                loss=loss,
                output_activation=self._output(loss),
                batch_size=min(int(self.batch_size), len(problem.train)),
                radius=min(int(self.radius), int(self.cells) // 2),
                generations=max(until, int(self.max_iter)),
                seed=seed,
                **{name: _plain(getattr(self, name)) for name in SAME},
            )
            best = Best(patience, float(self.tol), settled(settings))
            with threads(effective_n_jobs(self.n_jobs)) as map_:
                state = begin(settings, grid, log)
                evolve(state, map_, best, until, bool(self.verbose))
        assert best.network is not None
        self.network_, self.loss_, self._seed = best.network, best.loss, seed
        self.history_, self.n_iter_ = records.frame(state.log), state.generation
        self.preserved_ = self.network_.preserved
        if not np.isfinite(self.loss_):
            warnings.warn("every cell has diverged: scale X, or lower learning_rate", ConvergenceWarning, stacklevel=4)
        return state.grid

    def _problem(self, X: np.ndarray, targets: Any, classes: int, places: object = ()) -> ArrayProblem:
        wanted = None if targets is None else torch.from_numpy(targets) if classes else float32("y", targets)
        return problem_of_arrays(float32("X", X), wanted, self._task, classes, places)

    def _widths(self, problem: ArrayProblem) -> list[int]:
        """What the settings call a network: all widths."""
        return [problem.inputs, *self._hidden, problem.outputs]

    def _output(self, loss: str) -> str:
        """The nonlinearity of the output."""
        return self._losses[loss]

    @property
    def _hidden(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, str) or not (isinstance(sizes, Integral) or np.iterable(sizes)):
            raise ValueError(f"hidden_layer_sizes must be whole numbers, got {shown(sizes)}")
        sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
        for size in sizes:
            at_least("hidden_layer_sizes", size, 1, whole=True)
        return list(map(int, sizes))

    def _check(self) -> None:
        """See that the parameters that are no settings of their name are what they must be.

        :raises ValueError: naming the parameter, its value and what was expected.
        """
        for name in ("batch_size", "cells", "max_iter", "n_iter_no_change"):
            at_least(name, getattr(self, name), 1, whole=True)
        at_least("radius", self.radius, 0, whole=True)
        at_least("tol", self.tol, 0, finite=True)
        in_unit_interval("validation_fraction", self.validation_fraction)
        if self.validation_fraction == 1:
            raise ValueError("validation_fraction must be below 1: some samples have to train")
        if self.operator_options is not None and not isinstance(self.operator_options, Mapping):
            raise ValueError(f"operator_options must be a dict or None, got {shown(self.operator_options)}")

    def _new_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _outputs(self, X: Any, parts: slice = slice(None)) -> np.ndarray:
        """What parts of the network give for samples."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return through(self.network_[parts], X)


def through(genomes: list[Genome], X: np.ndarray) -> np.ndarray:
    """What genomes give for samples, in float64: so that it does not depend on how many are asked for at once."""
    stack = nn.Sequential(*(copy.deepcopy(genome.module) for genome in genomes)).to("cpu", torch.float64)
    with torch.inference_mode():
        return np.asarray(stack(torch.from_numpy(np.array(X, dtype=np.float64))))


def float32(name: str, values: np.ndarray) -> Tensor:
    """A copy that torch trains on.

    :raises ValueError: for numbers that are too large for it.
    """
    with np.errstate(over="ignore"):
        found = np.array(values, dtype=np.float32, order="C")
    if not np.isfinite(found).all():
        raise ValueError(f"{name} has numbers that float32 cannot hold: at most {np.finfo(np.float32).max:.3g}")
    return torch.from_numpy(found)


def _plain(value: Any) -> Any:
    """A number of numpy, as grids of parameters have them, as one of Python."""
    return value.item() if isinstance(value, np.generic) else value
