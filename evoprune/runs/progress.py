"""The progress bar of a run, a step a generation."""

import sys

from tqdm import tqdm


FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"  # fits 60 columns, with a bar to see
LABEL = 13  # characters of a label that are shown; a name of the user's own may be long


def progress_bar(total: int, done: int, label: str, show: bool) -> tqdm:
    """A bar over ``total`` generations, of which ``done`` are behind a run that is continued (-1: not begun)."""
    return tqdm(
        total=total,
        initial=max(done, 0),
        desc=label if len(label) <= LABEL else f"{label[: LABEL - 1]}…",
        bar_format=FORMAT,
        dynamic_ncols=True,
        disable=not show,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,  # a log file wants a few lines, not a film
    )
