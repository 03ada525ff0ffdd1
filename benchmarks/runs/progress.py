"""The progress bar of a run, a step a generation."""

import sys

from tqdm import tqdm


def progress_bar(total: int, done: int, label: str, show: bool) -> tqdm:
    """A bar over ``total`` generations, of which ``done`` are behind a run that is continued (-1: not begun)."""
    return tqdm(
        total=total,
        initial=max(done, 0),
        desc=label,
        unit="generation",
        disable=not show,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,  # a log file wants a few lines, not a film
    )
