"""What a terminal shows: the progress of a run, a step a generation, and tables as text."""

import sys
from collections.abc import Sequence

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


def text_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their heads, two blanks apart: the first to the left and the others to the right.

    :param rows: cells as text, as many a row as there are heads.
    """
    lines = [heads, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = ("  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in lines)
    return "\n".join(map(str.rstrip, text))
