"""What fits into memory, and how the estimate is said."""

import resource

import psutil
import pytest

from evoprune import memory


def test_what_fits_passes():
    memory.check_fits({"weights": 1e6, "data": 0})


def test_what_does_not_fit_is_refused_with_the_estimate():
    with pytest.raises(ValueError, match=r"about 5\.01 PB of memory \(weights 5 PB\), and .* are free: fewer cells"):
        memory.check_fits({"weights": 5e15, "data": 1e13}, "fewer cells")


def test_the_limit_of_the_process_counts(monkeypatch):
    limit = psutil.Process().memory_info().vms + 2**20
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    assert memory.available() <= 2**20


def test_a_container_counts(monkeypatch):
    texts = {"memory.max": "1000000", "memory.current": "400000\n", "memory.stat": "anon 3\ninactive_file 100000\n"}
    monkeypatch.setattr(memory.Path, "read_text", lambda path: texts.get(path.name, "max"))
    assert memory.available() == 700_000
    texts["memory.current"] = "2000000"
    assert memory.available() == 0


@pytest.mark.parametrize(
    ("bytes_", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1.5e6, "1.5 MB"), (1e30, "1e+06 YB")]
)
def test_sizes_as_people_say_them(bytes_, text):
    assert memory.size(bytes_) == text
