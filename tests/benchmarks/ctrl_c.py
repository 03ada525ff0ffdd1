"""A run that is interrupted after so many generations."""

import os
import signal
from pathlib import Path

import pytest

from evoprune.benchmarks.pruning.run import load_run, start
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.runs import experiment


class CtrlC:
    """A progress bar that presses Ctrl-C when so many generations have ended."""

    def __init__(self, after: int):
        self.left = after

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def set_postfix_str(self, *_, **__):
        pass

    def update(self, step: int):
        self.left -= step
        if step and not self.left:
            os.kill(os.getpid(), signal.SIGINT)


def interrupted(settings: Settings, place: Path, monkeypatch: pytest.MonkeyPatch, after: int = 3) -> Path:
    """The directory of a run of pruning in which Ctrl-C was pressed."""
    monkeypatch.setattr(experiment, "progress_bar", lambda *_: CtrlC(after))
    with pytest.raises(KeyboardInterrupt):
        start(settings, place)
    monkeypatch.undo()
    assert load_run(place).generation == after
    return place
