"""Tables whose targets are damaged in every way we know of, the same ones each time, and the options for them."""

import io
import zipfile
from typing import Any

import numpy as np

from tests.damaged_tables import BOMB, DIGITS, GOOD, Content, Maker, npy, npy_saying, table

CLASSES = {"task": "classification", "target_column": "y"}
VALUES = {"task": "regression", "target_column": "y"}
TEXTS = b"a,y,b\n" + b"1,cat,2\n3,dog,4\n" * 5
NUMBERS = b"a,y,b\n" + b"1,0.5,2\n3,-7,4\n" * 5


def pair(x: np.ndarray | bytes, y: np.ndarray | bytes, names: tuple[str, str] = ("x", "y"), **said: Any) -> bytes:
    """The bytes of an archive of samples and their targets.

    :param said: what the archive's directory says of the targets instead of the truth.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(names, (x, y), strict=True):
            archive.writestr(f"{name}.npy", content if isinstance(content, bytes) else npy(content))
        for key, value in said.items():
            setattr(archive.infolist()[1], key, value)
    return file.getvalue()


def column(*targets: float) -> bytes:
    """Ten samples as an .npy file with these targets in the last of four columns."""
    return npy(np.column_stack([GOOD[:, :3], np.resize(targets, 10)]))


CSV: dict[str, tuple[Content | str, dict[str, str]]] = {
    "csv: no column named": (TEXTS, {"task": "classification"}),
    "csv: no column named for values": (NUMBERS, {"task": "regression"}),
    "csv: no such name": (TEXTS, {**CLASSES, "target_column": "z"}),
    "csv: no such name among hundreds": (
        ",".join(f"{'c' * 90}{k}" for k in range(900)).encode() + (b"\n" + b"1," * 899 + b"1") * 5,
        {**CLASSES, "target_column": "z" * 4000},
    ),
    "csv: no such number": (TEXTS, {**CLASSES, "target_column": "3"}),
    "csv: no such number from the end": (TEXTS, {**CLASSES, "target_column": "-4"}),
    "csv: a number of 4,000 digits": (TEXTS, {**CLASSES, "target_column": DIGITS[:4000]}),
    "csv: a name without a header": (TEXTS[6:], CLASSES),
    "csv: a name that is empty": (TEXTS, {**CLASSES, "target_column": ""}),
    "csv: a name twice": (TEXTS.replace(b"b", b"y"), CLASSES),
    "csv: a header of another length": (TEXTS.replace(b",b", b""), CLASSES),
    "csv: the only column": (b"y\n" + b"1\n2\n" * 5, CLASSES),
    "csv: a class is empty": (TEXTS + b"5,,6\n", CLASSES),
    "csv: a class is a blank": (TEXTS + b"5, ,6\n", CLASSES),
    "csv: one class": (TEXTS.replace(b"cat", b"dog"), CLASSES),
    "csv: one class in two forms": (b"a,y\n" + b"1,1\n2,1.0\n" * 5, CLASSES),
    "csv: nan among numbers": (b"a,y\n" + b"1,1\n2,nan\n" * 5, CLASSES),
    "csv: a class of 5,000 digits": (b"a,y\n" + f"1,1\n2,{DIGITS}\n".encode() * 5, CLASSES),
    "csv: a class each": ("a,y\n" + "".join(f"{k},{k / 7}\n" for k in range(10)), CLASSES),
    "csv: more than half as many classes": ("a,y\n" + "".join(f"{k},c{k % 6}\n" for k in range(11)), CLASSES),
    "csv: 1,001 classes": ("a,y\n" + "".join(f"{k},c{k % 1001}\n" for k in range(3000)), CLASSES),
    "csv: a text beside the target": (TEXTS + b"x,dog,6\n", CLASSES),
    "csv: a gap beside the target": (TEXTS + b",dog,6\n", CLASSES),
    "csv: not finite beside the target": (TEXTS + b"1,dog,inf\n", CLASSES),
    "csv: a row without a target": (TEXTS + b"1\n", CLASSES),
    "csv: four rows": (b"a,y\n1,cat\n2,dog\n3,cat\n4,dog\n", CLASSES),
    "csv: header alone": (b"a,y,b\n", CLASSES),
    "csv: empty": (b"", CLASSES),
    "csv: NUL bytes": (TEXTS + b"1,\0,3", CLASSES),
    "csv: Latin-1": (TEXTS + b"1,\xe4,3", CLASSES),
    "csv: a field of 200,000 characters": (TEXTS + b"1," + b"x" * 200_000 + b",3", CLASSES),
    "csv: values are texts": (TEXTS, VALUES),
    "csv: a value is empty": (NUMBERS + b"5,,6\n", VALUES),
    "csv: a value is nan": (NUMBERS + b"5,nan,6\n", VALUES),
    "csv: a value is infinite": (NUMBERS + b"5,-inf,6\n", VALUES),
    "csv: a value beyond float32": (NUMBERS + b"5,1e39,6\n", VALUES),
    "csv: a value of 5,000 digits": (NUMBERS + f"5,{DIGITS},6\n".encode(), VALUES),
    "csv: no such name for reconstruction": (NUMBERS, {"target_column": "z"}),
}
LAST = {"target_column": "-1"}
ARRAYS: dict[str, tuple[Content, dict[str, str]]] = {
    "npy: no column named": (npy(), {"task": "classification"}),
    "npy: a name": (npy(), CLASSES),
    "npy: no such number": (npy(), {**VALUES, "target_column": "4"}),
    "npy: the only column": (npy(GOOD[:, :1]), {**VALUES, **LAST}),
    "npy: one class": (column(3), {**CLASSES, **LAST}),
    "npy: a class each": (npy(), {**CLASSES, **LAST}),
    "npy: a class is nan": (column(1, np.nan), {**CLASSES, **LAST}),
    "npy: a class is infinite": (column(1, np.inf), {**CLASSES, **LAST}),
    "npy: a value is nan": (column(1, np.nan), {**VALUES, **LAST}),
    "npy: a value beyond float32": (column(1, 1e39), {**VALUES, **LAST}),
    "npy: not finite beside the target": (npy(np.where(GOOD == 6, np.nan, GOOD)), {**VALUES, "target_column": "0"}),
    "npz: one array, and no column": (pair(GOOD, GOOD, ("x", "z")), {"task": "classification"}),
    "npz: data without a target": (pair(GOOD, GOOD, ("data", "y")), {"task": "regression"}),
    "npz: fewer targets": (pair(GOOD, GOOD[:9, 0]), {"task": "regression"}),
    "npz: no targets": (pair(GOOD, GOOD[:0, 0]), {"task": "regression"}),
    "npz: a single target": (pair(GOOD, np.array(1.0)), {"task": "regression"}),
    "npz: targets of no width": (pair(GOOD, GOOD[:, :0]), {"task": "regression"}),
    "npz: targets in three dimensions": (pair(GOOD, np.zeros((10, 1, 1))), {"task": "regression"}),
    "npz: targets of several columns are no classes": (pair(GOOD, GOOD), {"task": "classification"}),
    "npz: classes without dimensions": (pair(GOOD, np.array(1)), {"task": "classification"}),
    "npz: texts are no values": (pair(GOOD, np.full(10, "a")), {"task": "regression"}),
    "npz: an empty text": (pair(GOOD, np.array(["a", " "] * 5)), {"task": "classification"}),
    "npz: a text with a break": (pair(GOOD, np.array(["a", "b\nc"] * 5)), {"task": "classification"}),
    "npz: one class": (pair(GOOD, np.full(10, "a")), {"task": "classification"}),
    "npz: a class each": (pair(GOOD, np.array([*"abcdefghij"])), {"task": "classification"}),
    "npz: bytes are no classes": (pair(GOOD, np.full(10, b"a")), {"task": "classification"}),
    "npz: objects are no classes": (pair(GOOD, np.array([None] * 10)), {"task": "classification"}),
    "npz: complex values": (pair(GOOD, np.zeros(10, complex)), {"task": "regression"}),
    "npz: a value is nan": (pair(GOOD, np.where(GOOD == 5, np.nan, GOOD)), {"task": "regression"}),
    "npz: targets are no array": (pair(GOOD, b"hello"), {"task": "regression"}),
    "npz: targets are cut": (pair(GOOD, npy()[:-5]), {"task": "regression"}),
    "npz: a negative shape": (pair(GOOD, npy_saying("(-10,)")), {"task": "regression"}),
    "npz: targets are a bomb": (
        lambda: pair(GOOD, npy_saying("(10,)", data=bytes(BOMB))),
        {"task": "classification"},
    ),
    "npz: targets are a bomb that lies": (
        lambda: pair(GOOD, npy_saying("(10,)", data=bytes(BOMB)), file_size=len(npy_saying("(10,)", data=bytes(80)))),
        {"task": "regression"},
    ),
    "npz: longer texts promised": (
        pair(GOOD, npy_saying("(10,)", "'<U100000000'"), file_size=4 * 10**9),
        {"task": "classification"},
    ),
}
TARGETS: dict[str, tuple[Maker, dict[str, Any]]] = {
    f"target, {name}": (table(f"x.{name[:3]}", content.encode() if isinstance(content, str) else content), options)
    for name, (content, options) in {**CSV, **ARRAYS}.items()
}
"""Name -> function that writes into an empty folder and returns a file, and options of ``run --benchmark file``."""
