"""What a column is as a target: classes, numbered in the order of their names, or values."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from evoprune.benchmarks.problems.shapes import require_finite
from evoprune.checks import shown
from evoprune.files import one_line

MOST_CLASSES = 1000
LARGEST = float(np.finfo(np.float32).max)

Key = TypeVar("Key", str, float)


class Texts:
    """Numbers the different texts of a column in the order in which they come, so that a cell takes no text.

    :raises ValueError: with words on the text, for an empty one or one with odd signs, and once there are more of them
        than classes may be.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, text: str) -> float:
        if not _is_class(text):
            raise ValueError("is no class")
        if text not in self.numbers and len(self.numbers) == MOST_CLASSES:
            raise ValueError(f"is one class more than the {MOST_CLASSES} there may be; is the task regression?")
        return self.numbers.setdefault(text, len(self.numbers))


def value_of(text: str) -> float:
    """The value that a text spells.

    :raises ValueError: with words on the text, for what is no number, or none that float32 holds.
    """
    try:
        value = float(text)
    except ValueError:
        raise ValueError("is not a number") from None
    if not abs(value) <= LARGEST:  # NaN neither
        raise ValueError("is not a finite number")
    return value


def classes_of(what: str, values: np.ndarray) -> tuple[tuple[str, ...], Tensor]:
    """The classes of an array (samples,) of numbers or texts: their names, and the number of each sample's, int64.

    :param what: what messages call the array.
    :raises ValueError: for fewer than two classes or too many, a text that is empty or has odd signs, or a number that
        is not finite.
    """
    if values.dtype.kind == "U":
        values = np.char.strip(values)
    different, codes = np.unique(values, return_inverse=True)
    _check_count(what, len(different), len(values))  # before millions of numbers become objects
    keys = different.tolist()
    if values.dtype.kind != "U":
        return _numbered(what, keys, codes)
    if wrong := [text for text in keys if not _is_class(text)]:
        row = int(np.argmax(values == wrong[0]))
        raise ValueError(f"{what}: {shown(wrong[0])} in row {row} (counted from 0) is no class")
    return classes_of_texts(what, keys, codes)


def classes_of_texts(what: str, texts: Sequence[str], codes: np.ndarray) -> tuple[tuple[str, ...], Tensor]:
    """The same for different texts, and the number of each sample's among them; numbers if all of them are some."""
    numbers = [number for text in texts if (number := _number(text)) is not None]
    return _numbered(what, numbers, codes) if len(numbers) == len(texts) else _numbered(what, texts, codes)


def values_of(what: str, values: np.ndarray) -> Tensor:
    """An array (samples,) or (samples, outputs) of numbers as float32 (samples, outputs).

    :raises ValueError: with the place of a number that is not finite.
    """
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes an infinity, which is reported
        found = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).reshape(len(values), -1)
    wrong = ~torch.isfinite(found)
    if values.ndim == 1 and wrong.any():  # a number of the column would be another one than in the file
        row = int(wrong.int().argmax())
        raise ValueError(f"{what}: {found[row].item()} in row {row} (counted from 0) is not a finite number")
    require_finite(what, found)
    return found


def _numbered(what: str, keys: Sequence[Key], codes: np.ndarray) -> tuple[tuple[str, ...], Tensor]:
    """Classes by the order of their keys; those that are equal as numbers, such as 1 and 1.0, are one."""
    for code, key in enumerate(keys):
        if isinstance(key, float) and not math.isfinite(key):  # a whole number may be too large for isfinite
            row = int(np.argmax(codes == code))
            raise ValueError(f"{what}: {key} in row {row} (counted from 0) is not a finite number, so no class")
    classes = sorted(set(keys))
    _check_count(what, len(classes), len(codes))
    places = {key: number for number, key in enumerate(classes)}
    ranks = np.array([places[key] for key in keys], dtype=np.int64)
    return tuple(map(_name, classes)), torch.from_numpy(ranks[codes])


def _check_count(what: str, classes: int, samples: int) -> None:
    if classes < 2:
        raise ValueError(f"{what}: classification needs at least two classes, and all {samples} samples have the same")
    if classes > MOST_CLASSES or 2 * classes > samples:
        raise ValueError(
            f"{what}: {classes} different values in {samples} samples are too many for classes: is the task regression?"
        )


def _is_class(text: str) -> bool:
    return text != "" and text.isprintable()


def _number(text: str) -> float | None:
    for kind in (int, float):  # a whole number may have more digits than a float keeps
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def _name(key: str | float) -> str:
    whole = isinstance(key, float) and key.is_integer() and abs(key) < 2**53
    return one_line(int(key) if whole else key)
