"""A path that somebody gave: made absolute, and whatever is wrong with what lies there as one line that names it."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evoprune.files import one_line


def absolute(path: str) -> Path:
    """A path as it is from everywhere, with ``~`` as the home directory.

    :raises ValueError: for the home directory of nobody.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"{path}: {error}") from error


@contextmanager
def readable(path: str | Path, what: str = "cannot be read") -> Iterator[None]:
    """Turn whatever a reader stumbles over into one line that names the file.

    :param what: what the line says before the reader's own words.
    :raises FileNotFoundError: where nothing is at ``path``.
    :raises ValueError: for everything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a parser's remarks on a damaged file would be lines of their own
            yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path}: no such file") from error
    except Exception as error:  # a damaged file brings about anything, from zlib.error to RecursionError
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(f"{path}: {what}: {one_line(words)}") from error


def files_below(folder: str | Path, *suffixes: str) -> list[Path]:
    """The files in a folder and the folders in it that end in one of these, in any case of letters, by their names.

    :raises ValueError: for a folder that cannot be read.
    """

    def fail(error: OSError) -> None:
        with readable(error.filename or folder):
            raise error

    found = [Path(place, name) for place, _, names in os.walk(folder, onerror=fail) for name in names]
    return sorted(file for file in found if file.suffix.lower() in suffixes)
