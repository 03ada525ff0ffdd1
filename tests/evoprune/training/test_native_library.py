"""What the compiled kernel refuses: it gets plain memory, and checks all of it before it begins."""

import importlib
from typing import Any

import numpy as np
import pytest

from evoprune.training import native

pytestmark = pytest.mark.skipif(bool(native.missing()), reason=f"no kernel: {native.missing()}")

VARIANTS = list(native.variants())


def call(**changes: Any) -> float:
    """The library itself, with one thing changed."""
    weight, bias = np.zeros((3, 4), np.float32), np.zeros(3, np.float32)
    back, data = np.zeros((4, 3), np.float32), np.ones((6, 4), np.float32)
    layers = (
        (4, 3, 1, 0.0, (weight, (), None, True), (bias, (), None, True)),
        (3, 4, 2, 0.0, (back, (), None, True), (None, (), None, False)),
    )
    given: dict[str, Any] = {
        "variant": VARIANTS[0],
        "layers": layers,
        "data": (data, data, np.arange(6), np.array([5, 6]), None),
        "loss": 0,
        "optimizer": (1, 1e-3, 0.0, 0.0, 1e-8, 0.0, 0.0),
        "largest": 1.0,
        "sparse": 0.0,
    }
    library = importlib.import_module("evoprune.training._kernel")
    return library.epoch(*(given | changes).values())


def layer(**changes: Any) -> tuple[Any, ...]:
    given: dict[str, Any] = {"inputs": 4, "outputs": 4, "f": 0, "steps": 0.0}
    given["weight"] = (np.zeros((4, 4), np.float32), (), None, True)
    given["bias"] = (None, (), None, False)
    return tuple((given | changes).values())


DATA = np.ones((6, 4), np.float32)
READ_ONLY = np.zeros((4, 4), np.float32)
READ_ONLY.flags.writeable = False
WRONG = {
    "variant": {"variant": "avx1024"},
    "loss": {"loss": 4},
    "optimizer": {"optimizer": (3, 1e-3, 0.0, 0.0, 1e-8, 0.0, 0.0)},
    "no l1": {"optimizer": (1, 1e-3, 0.0, 0.0, 1e-8, 0.0)},
    "no layers": {"layers": ()},
    "no tuple": {"layers": (3,)},
    "widths": {"layers": (layer(outputs=3, weight=(np.zeros((3, 4), np.float32), (), None, True)), layer())},
    "no inputs": {"layers": (layer(inputs=0),)},
    "overflow": {"layers": (layer(inputs=1 << 20, outputs=1 << 20),)},
    "nonlinearity": {"layers": (layer(f=4),)},
    "steps": {"layers": (layer(steps=-1.0),)},
    "too small": {"layers": (layer(weight=(np.zeros((3, 4), np.float32), (), None, True)),)},
    "float64": {"layers": (layer(weight=(np.zeros((4, 4)), (), None, True)),)},
    "strided": {"layers": (layer(weight=(np.zeros((4, 8), np.float32)[:, ::2], (), None, True)),)},
    "read-only": {"layers": (layer(weight=(READ_ONLY, (), None, True)),)},
    "no weight": {"layers": (layer(weight=(None, (), None, True)),)},
    "nothing learns": {"layers": (layer(weight=(np.zeros((4, 4), np.float32), (), None, False)),)},
    "moments": {"layers": (layer(weight=(np.zeros((4, 4), np.float32), (np.zeros(16, np.float32),), None, True)),)},
    "mask": {"layers": (layer(weight=(np.zeros((4, 4), np.float32), (), np.ones((4, 3), bool), True)),)},
    "order": {"data": (DATA, DATA, np.array([0, 6]), np.array([2]), None)},
    "negative": {"data": (DATA, DATA, np.array([0, -1]), np.array([2]), None)},
    "ends": {"data": (DATA, DATA, np.arange(6), np.array([5, 7]), None)},
    "falling ends": {"data": (DATA, DATA, np.arange(6), np.array([5, 5]), None)},
    "no batches": {"data": (DATA, DATA, np.arange(6), np.array([], np.int64), None)},
    "int32": {"data": (DATA, DATA, np.arange(6, dtype=np.int32), np.array([6]), None)},
    "keep": {"data": (DATA, DATA, np.arange(6), np.array([6]), np.ones((5, 4), bool))},
    "targets": {"data": (DATA, DATA[:5].copy(), np.arange(6), np.array([6]), None)},
    "no data": {"data": (None, DATA, np.arange(6), np.array([6]), None)},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_the_library_checks_what_it_gets(changes: dict[str, Any]) -> None:
    assert call() == pytest.approx(0.5)
    with pytest.raises((ValueError, TypeError, BufferError)):
        call(**changes)
