"""Tables in numpy's files, .npy and .npz: the header first, so that a damaged one makes nobody allocate or unpack."""

import io
import math
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from evoprune.benchmarks.problems.paths import readable
from evoprune.benchmarks.problems.shapes import Check, check_table
from evoprune.checks import shown

HEAD = 4096  # bytes in which a header ends; that of a table takes 128
SIP = 4096
NAMED = 5  # arrays of an archive that a message names
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What zipfile unpacks no further than it was asked to."""
WHAT = "not a file of numpy arrays that can be read"
PAIRS = {"data": "target", "x": "y"}
"""Array of an archive that holds samples -> the one that holds their targets."""


@dataclass(frozen=True)
class Layout:
    """What the header of a table says."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def read_layout(path: str, name: str | None = None, check: Check = check_table) -> Layout:
    """What the header of an array in a file says, and that the file is as long as that.

    :param name: of an array of an archive; by default the table of samples.
    :param check: refuses other shapes and types than it should have.
    :raises ValueError: naming the file and what is wrong with it.
    """
    with readable(path, WHAT), _opened(path, name) as (stream, length):
        head = io.BytesIO(stream.read(HEAD))
        version = npy.read_magic(head)
        # Version 3 is version 2 in another encoding, which only named columns have use for.
        shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(head)
    what = path if name is None else f"{path}: array {name}"
    check(what, shape, dtype)
    promised, found = math.prod(shape) * dtype.itemsize, length - head.tell()
    if promised != found:
        said = f"{dtype} {shown(shape)}, {shown(promised)} bytes"
        raise ValueError(f"{what}: its header says {said}, but {found} follow")
    return Layout(shape, dtype)


def read_array(path: str, name: str | None = None, check: Check = check_table) -> np.ndarray:
    """The table in a file: its only array, the one called "data", or "x" where "y" is beside it.

    :param name: of another array of an archive.
    :param check: as for :func:`read_layout`.
    :raises ValueError: naming the file and what is wrong with it.
    """
    read_layout(path, name, check)
    with readable(path, WHAT), _opened(path, name) as (stream, _):
        # Pickled objects could run code, and would be no table of numbers anyway.
        table: np.ndarray = npy.read_array(stream, allow_pickle=False)
    return table


def target_array(path: str) -> str | None:
    """The name of the array with the targets of a file's table; None for a file that has none.

    :raises ValueError: naming the file and what is wrong with it.
    """
    with readable(path, WHAT), open(path, "rb") as file:
        if not _is_archive(file):
            return None
        with zipfile.ZipFile(file) as archive:
            members = _members(archive)
            target = PAIRS.get(_samples(members))
    return target if target in members else None


class _Sips:
    """A member of an archive, a little at a time: a megabyte that is read at once may be unpacked to many gigabytes."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def read(self, size: int) -> bytes:
        content: bytes = self.stream.read(min(size, SIP))
        return content


@contextmanager
def _opened(path: str, name: str | None) -> Iterator[tuple[Any, int]]:
    """An array of a file or of an archive as a stream, and how many bytes it has, the header included."""
    with open(path, "rb") as file:
        if _is_archive(file):
            with zipfile.ZipFile(file) as archive:
                members = _members(archive)
                member = members[_samples(members) if name is None else name]
                with archive.open(member) as stream:
                    yield (stream if member.compress_type in BOUNDED else _Sips(stream)), member.file_size
        else:
            yield file, os.fstat(file.fileno()).st_size


def _is_archive(file: IO[bytes]) -> bool:
    begins = file.read(2)
    file.seek(0)
    return begins == b"PK"


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    return {info.filename.removesuffix(".npy"): info for info in archive.infolist()}


def _samples(members: Mapping[str, zipfile.ZipInfo]) -> str:
    """The name of the array that holds samples."""
    if "data" in members:
        return "data"
    if len(members) == 1:
        return next(iter(members))
    if "x" in members and "y" in members:
        return "x"
    names = ", ".join([*members][:NAMED]) or "none"
    more = f" and {len(members) - NAMED} more" if len(members) > NAMED else ""
    raise ValueError(f'it needs one array, x beside y, or one called "data", and has {names}{more}')
