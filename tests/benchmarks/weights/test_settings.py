"""Settings that do not fit are refused in words, before any work."""

import re
from pathlib import Path

import pytest

from evoprune.benchmarks.weights import make_settings
from tests.benchmarks.weights.tiny import TINY, write_mnist


def test_the_default_widths_are_those_of_the_data(tmp_path: Path):
    assert make_settings().widths == (64, 48, 32, 16)
    assert make_settings({"data": str(write_mnist(tmp_path))}).widths == (25, 500, 250, 100, 50)


def test_gradient_steps_of_a_generation():
    chosen = make_settings({"population": 8, "epochs": 2, "batch_size": 100, "samples": 250})
    assert chosen.steps == 4 * 2 * 3  # survivors, epochs, batches of 100, 100 and 50
    assert chosen.total_generations == 3 * chosen.generations


def test_the_rate_falls_within_each_layer_and_for_all_layers_at_once_over_all():
    changes = {"generations": 4, "layers": "5-2", "learning_rate": 0.8, "decay": True}
    chosen = make_settings(changes)
    assert [chosen.rate_in(number) for number in range(1, 9)] == pytest.approx([0.8, 0.6, 0.4, 0.2] * 2)
    whole = make_settings(changes, {"method": "sgd"})
    assert [whole.rate_in(number) for number in range(1, 9)] == pytest.approx([0.1 * k for k in range(8, 0, -1)])
    assert make_settings(changes, {"decay": False}).rate_in(4) == 0.8


def test_later_layers_win():
    assert make_settings(TINY, {"seed": 3}, {"seed": 4}).seed == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "genetics"}, "unknown method 'genetics': did you mean 'genetic'"),
        ({"activation": "gelu"}, "unknown activation 'gelu'"),
        ({"layers": "48-x"}, "layers must be widths after the inputs such as 48-32-16, got '48-x'"),
        ({"layers": "48-0"}, "layers must be widths after the inputs"),
        ({"population": 3}, "population must be a whole number of at least 4, got 3"),
        ({"ratio": 1.5}, r"ratio must be a number in [0, 1], got 1.5"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
        ({"epochs": 1.5}, "epochs must be of type int"),
        ({"epoch": 1}, "unknown setting 'epoch': did you mean 'epochs'"),
    ],
)
def test_wrong_settings(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_settings(changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": "20-65"}, "a code of 65 units is larger than the 64 inputs"),
        ({"samples": 5000}, "samples is 5000, but there are 1197 training samples"),
        ({"samples": 30, "batch_size": 31}, "batch_size 31 is larger than the 30 training samples"),
        ({"data": "nowhere"}, "expected the four files"),
    ],
)
def test_data_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_settings(changes).check_data()
