"""The plot of the probabilities of operators."""

import numpy as np
import pandas as pd
import pytest

from evoprune.benchmarks.plots.operators import plot_operators


def test_a_line_for_each_operator():
    log = pd.DataFrame({"gen": [0, 1], "loss": [1, 1], "p_random": [0.5, 0.25], "p_activation": [0.5, 0.75]})
    figure = plot_operators(log)
    assert figure is not None
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["random", "activation"]
    assert np.asarray(lines[1].get_ydata()).tolist() == pytest.approx([50.0, 75.0])


def test_nothing_where_nothing_is_chosen():
    assert plot_operators(pd.DataFrame({"gen": [0], "loss": [1.0]})) is None
