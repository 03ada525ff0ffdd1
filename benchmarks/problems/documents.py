"""Texts and their classes: a folder with a document a file, or a file with a document a line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evoprune.benchmarks.problems.paths import files_below, readable
from evoprune.checks import shown

SUFFIX = ".txt"
WHAT = "not a text in utf-8"
BLOCK = 2**16
"""Bytes of a file that are looked at at once to count its lines."""


@dataclass(frozen=True)
class Documents:
    """Texts, none of them empty.

    ``labels`` holds the number of each one's class, or is None where they have none; ``classes`` are the names of
    these, sorted, and ``unlabelled`` says where the first one without a class is.
    """

    texts: list[str]
    labels: list[int] | None
    classes: tuple[str, ...]
    unlabelled: str = ""


def read_documents(path: str | Path) -> Documents:
    """The documents of a file or a folder; those that hold nothing but white space are left out.

    Of a folder these are the ``.txt`` files in it and in the folders below, and the folders right below it are their
    classes, unless a document lies beside them. In a file every line is one; where all lines begin with a label and a
    tabulator, the labels are their classes.

    :raises FileNotFoundError: where nothing is there.
    :raises ValueError: naming the file that cannot be read or that is no text in utf-8.
    """
    place = Path(path)
    return _of_folder(place) if place.is_dir() else _of_lines(place)


def measure(path: str | Path) -> tuple[int, int]:
    """How many documents there are, about, and how many bytes, found without keeping any of them.

    :raises ValueError: for what cannot be read.
    """
    place = Path(path)
    if not place.is_dir():
        with readable(place):
            return count_lines(place), place.stat().st_size
    count = size = 0
    for file in _files(place):
        with readable(file):
            count, size = count + 1, size + file.stat().st_size
    return count, size


def count_lines(path: Path) -> int:
    """The lines of a file that are not empty; one that is longer than a block may count more than once."""
    with open(path, "rb") as file:
        blocks = iter(lambda: file.read(BLOCK) + file.readline(BLOCK), b"")
        return sum(1 for block in blocks for line in block.splitlines() if line.strip())


def _of_folder(folder: Path) -> Documents:
    texts, classes, unlabelled = [], [], ""
    for file in _files(folder):
        with readable(file, WHAT):
            text = _checked(file.read_text(encoding="utf-8-sig"))
        if text.strip():
            below = file.relative_to(folder).parts
            unlabelled = unlabelled or (shown(below[0]) if len(below) == 1 else "")
            texts.append(text)
            classes.append(below[0])
    return _classed(texts, classes, unlabelled)


def _of_lines(path: Path) -> Documents:
    # Windows' editors put a byte-order mark in front, which utf-8-sig takes away.
    with readable(path, WHAT), open(path, encoding="utf-8-sig") as file:
        lines = {number: _checked(line) for number, line in enumerate(file, start=1) if line.strip()}
    for number, line in lines.items():
        label, tabulator, _ = line.partition("\t")
        if not tabulator or not label.strip():
            return Documents(list(lines.values()), None, (), f"line {number}")
    parts = (line.partition("\t") for line in lines.values())
    found = [(label.strip(), text) for label, _, text in parts if text.strip()]
    return _classed([text for _, text in found], [label for label, _ in found])


def _classed(texts: list[str], classes: list[str], unlabelled: str = "") -> Documents:
    if unlabelled:
        return Documents(texts, None, (), unlabelled)
    names = sorted(set(classes))
    numbers = {name: number for number, name in enumerate(names)}
    return Documents(texts, [numbers[name] for name in classes], tuple(names))


def _checked(text: str) -> str:
    if "\0" in text:  # utf-8 allows it, but what holds one is UTF-16 or no text at all
        raise ValueError("it holds a NUL")
    return text


def _files(folder: Path) -> Iterator[Path]:
    """The texts of a folder and the folders in it, by their names.

    :raises ValueError: for a folder that cannot be read, and for a text that is no regular file.
    """
    for file in files_below(folder, SUFFIX):
        with readable(file):
            if not file.is_file():  # but a pipe, which would be waited for without end, or a link to nowhere
                raise ValueError("it is no regular file")
        yield file
