"""What the numbers are measured on."""

import json

import pytest

from evoprune.benchmarks.bench import machine, table


def test_kernels_and_why_one_is_missing(monkeypatch):
    def kernel_for(kernel):
        raise ValueError(f"kernel {kernel} is not here")

    monkeypatch.setattr(machine, "kernel_for", kernel_for)
    assert machine.kernels() == (("torch",), "kernel native is not here")
    monkeypatch.setattr(machine, "kernel_for", lambda kernel: kernel)
    assert machine.kernels() == (("native", "torch"), "")


@pytest.mark.parametrize("missing", ["", "kernel native is not here: it was not built"])
def test_the_line_says_what_is_missing(missing, monkeypatch):
    monkeypatch.setattr(machine, "kernels", lambda: ((), missing))
    described = machine.machine()
    json.dumps(described)
    lines = table.machine_line(described).splitlines()
    assert f"kernel {described['kernel']}" in lines[0]
    assert lines[1:] == ([f"{missing}; what needs it is left out"] if missing else [])
