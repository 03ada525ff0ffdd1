"""Tables in numpy's files, .npy and .npz: the header first, so that a damaged one makes nobody allocate or unpack."""

import io
import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib import format as npy

from evoprune.benchmarks.problems.paths import readable
from evoprune.checks import shown
from evoprune.files import one_line

HEAD = 4096  # bytes in which a header ends; that of a table takes 128
SIP = 4096
NAMED = 5  # arrays of an archive that a message names
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What zipfile unpacks no further than it was asked to."""
WHAT = "not a file of numpy arrays that can be read"


@dataclass(frozen=True)
class Layout:
    """What the header of a table says."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def check_table(path: str, shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """See that numbers of that shape can be trained on.

    :raises ValueError: naming the file and what was expected.
    """
    if len(shape) != 2 or shape[0] < 0 or shape[1] < 1 or dtype.kind not in "biuf":
        found = f"{one_line(dtype)} {shown(tuple(shape))}"
        raise ValueError(f"{path}: expected real numbers (samples, inputs), got {found}")
    if shape[0] < 5:
        raise ValueError(f"{path}: a split into 60/20/20 % needs at least 5 rows, got {shape[0]}")


def read_layout(path: str) -> Layout:
    """What the header of the table in a file says, and that the file is as long as that.

    :raises ValueError: naming the file and what is wrong with it.
    """
    with readable(path, WHAT), _opened(path) as (stream, length):
        head = io.BytesIO(stream.read(HEAD))
        version = npy.read_magic(head)
        # Version 3 is version 2 in another encoding, which only named columns have use for.
        shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(head)
    check_table(path, shape, dtype)
    promised, found = math.prod(shape) * dtype.itemsize, length - head.tell()
    if promised != found:
        what = f"{dtype} {shown(shape)}, {shown(promised)} bytes"
        raise ValueError(f"{path}: its header says {what}, but {found} follow")
    return Layout(shape, dtype)


def read_array(path: str) -> np.ndarray:
    """The table in a file: its only array, or the one called "data".

    :raises ValueError: naming the file and what is wrong with it.
    """
    read_layout(path)
    with readable(path, WHAT), _opened(path) as (stream, _):
        # Pickled objects could run code, and would be no table of numbers anyway.
        table: np.ndarray = npy.read_array(stream, allow_pickle=False)
    return table


class _Sips:
    """A member of an archive, a little at a time: a megabyte that is read at once may be unpacked to many gigabytes."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def read(self, size: int) -> bytes:
        content: bytes = self.stream.read(min(size, SIP))
        return content


@contextmanager
def _opened(path: str) -> Iterator[tuple[Any, int]]:
    """The array of a file or of an archive as a stream, and how many bytes it has, the header included."""
    with open(path, "rb") as file:
        archived = file.read(2) == b"PK"
        file.seek(0)
        if archived:
            with zipfile.ZipFile(file) as archive:
                member = _member(archive)
                with archive.open(member) as stream:
                    yield (stream if member.compress_type in BOUNDED else _Sips(stream)), member.file_size
        else:
            yield file, os.fstat(file.fileno()).st_size


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if len(members) != 1 and "data" not in members:
        names = ", ".join([*members][:NAMED]) or "none"
        more = f" and {len(members) - NAMED} more" if len(members) > NAMED else ""
        raise ValueError(f'it needs one array, or one called "data", and has {names}{more}')
    return members["data"] if "data" in members else next(iter(members.values()))
