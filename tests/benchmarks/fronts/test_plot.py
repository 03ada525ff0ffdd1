"""The plot of a front: what is drawn where."""

from io import BytesIO
from typing import Any

import matplotlib.image
import pandas as pd
import pytest

from evoprune.benchmarks.fronts.plot import picture, plot_candidates
from evoprune.benchmarks.plots import style
from evoprune.benchmarks.plots.save import DPI
from evoprune.benchmarks.pruning.settings import make_settings
from tests.benchmarks.plots.drawn import NAN, fits

ROWS = [(1.0, 200, 0.5, True), (0.4, 80, 0.75, True), (0.5, 100, 0.75, False), (0.4, 90, NAN, False)]
CANDIDATES = pd.DataFrame(ROWS, columns=["preserved", "effective_macs", "validation_loss", "front"])


@pytest.mark.parametrize(
    ("by", "steps", "others", "words"),
    [("weights", [40, 100], 50, "weights kept (%)"), ("macs", [80, 200], 100, "multiply-accumulates a sample")],
)
def test_the_front_is_steps_among_all_networks(by: str, steps: list[float], others: float, words: str):
    figure = plot_candidates(CANDIDATES, CANDIDATES[:1], by, "bce")
    axes: Any = figure.axes[0]
    every, saved = axes.collections
    assert sorted(every.get_offsets().tolist()) == sorted([[steps[1], 0.5], [steps[0], 0.75], [others, 0.75]])
    assert saved.get_offsets().tolist() == [[steps[1], 0.5]]
    (line,) = axes.lines
    assert line.get_xydata().tolist() == [[steps[0], 0.75], [steps[1], 0.5]]
    assert line.get_drawstyle() == "steps-post"
    assert words in axes.get_xlabel()
    assert axes.get_ylabel() == "validation loss (bce)"
    assert axes.get_title(loc="left") == "Loss and size of 3 networks"
    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")
    assert fits(figure)


def test_wide_ranges_are_logarithmic():
    wide = CANDIDATES.assign(preserved=[1.0, 0.05, 0.5, 0.4], validation_loss=[0.1, 0.9, 2.0, NAN])
    (axes,) = plot_candidates(wide, wide[:1], "weights", "bce").axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    zero = wide.assign(validation_loss=[0.0, 0.9, 2.0, NAN])  # which a logarithm cannot show
    assert plot_candidates(zero, zero[:1], "weights", "bce").axes[0].get_yscale() == "linear"


def test_the_picture_is_a_png_as_wide_as_a_page():
    found = matplotlib.image.imread(BytesIO(picture(CANDIDATES, CANDIDATES[:1], "weights", make_settings({}))), "png")
    assert found.shape[1] == style.WIDTH * DPI
    assert 0 < found[..., :3].mean() < 1
