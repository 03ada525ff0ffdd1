"""What all figures share."""

import subprocess
import sys
from itertools import pairwise

import pytest
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from evoprune.benchmarks.plots import (
    style,
)


@pytest.mark.parametrize(
    ("low", "high"), [(1.3e3, 2.8e5), (1.1e3, 1.9e3), (2e3, 9e3), (5e3, 4.5e4), (0.06, 0.17), (1e-7, 3.0)]
)
def test_labels_of_logarithmic_axes_stand_apart(low, high):
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([low, high], [low, high])
    style.logarithmic(axes, "x", EngFormatter(sep=""))
    style.logarithmic(axes, "y")
    figure.draw_without_rendering()
    for axis, side in ((axes.xaxis, "x"), (axes.yaxis, "y")):
        boxes = [text.get_window_extent() for text in axis.get_ticklabels(which="both") if text.get_text()]
        ends = [(getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in boxes]
        assert len(ends) >= 2
        assert all(one[1] < two[0] for one, two in pairwise(sorted(ends)))


def test_nothing_imports_pyplot():
    code = "import sys, evoprune.benchmarks.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
