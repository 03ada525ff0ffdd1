"""The progress bar can be read on narrow screens."""

import io
import re

import pytest

from evoprune.runs.terminal import progress_bar


class Screen(io.StringIO):
    encoding = "utf-8"


SHOWN = [
    ("magnitude", "loss 0.1234, 33% kept"),
    ("unpruned", "loss 0.1234, 100% kept"),
    ("my_package.my_module:prune", "loss 0.1234, 100% kept"),
    ("genetic", "loss 0.12345, 100 trained"),
    ("sgd-layerwise", "RMSE 0.1234"),
]


@pytest.mark.parametrize(("columns", "least"), [(60, 3), (80, 20), (120, 60)])
@pytest.mark.parametrize(("label", "postfix"), SHOWN)
def test_everything_fits_beside_a_bar_that_can_be_seen(columns, least, label, postfix, monkeypatch):
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    with progress_bar(8, -1, label, True) as bar:
        bar.dynamic_ncols, bar.ncols = None, columns
        bar.set_postfix_str(postfix, refresh=False)
        bar.update(4)
        bar.refresh()
    last = screen.getvalue().split("\r")[-1].rstrip()
    assert len(last) == columns
    found = re.fullmatch(r"(\S+):  50%\|(.+)\| \d\d:\d\d<\d\d:\d\d, " + re.escape(postfix), last)
    assert found, last
    name, drawn = found.groups()
    assert name == label or label.startswith(name.removesuffix("…"))
    assert len(drawn) >= least
    assert drawn.count("█") == pytest.approx(len(drawn) / 2, abs=1)


def test_a_bar_that_is_not_shown_writes_nothing(monkeypatch):
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    with progress_bar(8, 3, "magnitude", False) as bar:
        bar.update(1)
    assert screen.getvalue() == ""
