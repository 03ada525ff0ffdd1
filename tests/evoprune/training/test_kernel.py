"""Kernels by name, and those that another machine has found."""

import pytest

from evoprune.training import train
from evoprune.training.kernel import TORCH, Kernel, check_takes, kernel_for
from tests.algorithms.small import DATA, make_grid
from tests.pretend import pretend

AVX2 = Kernel("native", "avx2", "fused")


def test_by_name(monkeypatch: pytest.MonkeyPatch):
    pretend(monkeypatch)
    assert (kernel_for("auto"), kernel_for("native"), kernel_for("torch")) == (AVX2, AVX2, TORCH)
    assert (str(AVX2), str(TORCH)) == ("native (avx2)", "torch")
    pretend(monkeypatch, missing="no compiler")
    assert kernel_for("auto") == TORCH
    with pytest.raises(ValueError, match=r"^kernel native is not here: no compiler; use auto or torch$"):
        kernel_for("native")


def test_of_another_machine(monkeypatch: pytest.MonkeyPatch):
    pretend(monkeypatch, "avx512")
    assert kernel_for(AVX2) == Kernel("native", "avx512", "fused")
    assert kernel_for(TORCH) == TORCH
    pretend(monkeypatch, "portable", "separate")
    with pytest.raises(ValueError, match=r"kernel native \(avx2\) rounds otherwise than this .*, native \(portable\)"):
        kernel_for(AVX2)
    pretend(monkeypatch, missing="no compiler")
    with pytest.raises(ValueError, match=r"^kernel native \(avx2\) is not here: no compiler$"):
        kernel_for(AVX2)


@pytest.mark.parametrize(("kernel", "message"), [("nativ", "did you mean 'native'"), (None, "a name or a Kernel")])
def test_no_kernels(kernel, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        train(make_grid(1), [DATA], kernel=kernel)


def test_what_the_native_one_refuses(monkeypatch: pytest.MonkeyPatch):
    pretend(monkeypatch, refuses="a convolution")
    (pair,) = make_grid(1)
    with pytest.raises(ValueError, match=r"^kernel native cannot train this: a convolution; use auto or torch$"):
        check_takes(AVX2, pair, "l1", "adam", "cpu")
    check_takes(TORCH, pair, "l1", "adam", "cpu")
    pretend(monkeypatch)
    check_takes(AVX2, pair, "l1", "adam", "cpu")
