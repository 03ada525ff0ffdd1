"""Tables that are damaged in every way we know of, the same ones each time, for ``run --benchmark file --data``."""

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Maker = Callable[[Path], Path]
"""Writes into an empty folder; returns what to give as ``--data``."""
Content = bytes | Callable[[], bytes]
"""Of a file; bombs are made when they are asked for."""
GOOD = np.arange(40.0).reshape(10, 4)
BOMB = 20 * 10**6
"""Bytes that a bomb unpacks to: enough to be seen in the memory, and few enough to be made in a moment."""
DIGITS = "9" * 5000


def npy(array: np.ndarray = GOOD) -> bytes:
    """An array as the bytes of an .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy_saying(shape: str, descr: str = "'<f8'", data: bytes = bytes(320), version: bytes = b"\1\0") -> bytes:
    """The bytes of an .npy file whose header says whatever it is told to."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode("latin-1")
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
    return b"\x93NUMPY" + version + length + header + data


def npz(content: bytes, method: int = zipfile.ZIP_DEFLATED, name: str = "data.npy", **said: Any) -> bytes:
    """The bytes of an archive with one member.

    :param said: what the archive's directory says of the member instead of the truth.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(name, content)
        for key, value in said.items():
            setattr(archive.infolist()[0], key, value)
    return file.getvalue()


def broken_stream(method: int, place: int = 700) -> bytes:
    """An archive with ten bytes changed in its only member, whose stream begins at byte 38."""
    array = np.random.default_rng(0).random((50, 4))
    content = npz(npy(array), method)
    return content[:place] + b"\xff" * 10 + content[place + 10 :]


def two_members() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=GOOD, b=GOOD)
    return file.getvalue()


def table(name: str, content: Content) -> Maker:
    """Writes a file of that name."""

    def make(folder: Path) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content())
        return folder / name

    return make


def folder_called(name: str) -> Maker:
    def make(folder: Path) -> Path:
        (folder / name).mkdir()
        return folder / name

    return make


def pipe(name: str) -> Maker:
    def make(folder: Path) -> Path:
        os.mkfifo(folder / name)
        return folder / name

    return make


def loop(name: str) -> Maker:
    """A symbolic link to itself."""

    def make(folder: Path) -> Path:
        (folder / name).symlink_to(folder / name)
        return folder / name

    return make


def among(good: Callable[[Path], object], name: str, content: Content | None) -> Maker:
    """Writes a folder of good files and one that is something else, or a pipe."""

    def make(folder: Path) -> Path:
        good(folder)
        (pipe(name) if content is None else table(name, content))(folder)
        return folder

    return make


def numbers(*lines: str) -> bytes:
    """Ten good lines of comma-separated text, and then these."""
    return "\n".join(["1,2,3"] * 10 + list(lines)).encode("latin-1")


def bomb(method: int = zipfile.ZIP_DEFLATED, **said: Any) -> bytes:
    """An archive of forty numbers that unpacks to many megabytes."""
    return npz(npy_saying("(10, 4)", data=bytes(BOMB)), method, **said)


TRUE_SIZE = len(npy_saying("(10, 4)"))
ARRAYS: dict[str, Content] = {
    "npy: empty": b"",
    "npy: text": b"not an array",
    "npy: magic alone": b"\x93NUMPY",
    "npy: header cut": npy()[:60],
    "npy: data cut": npy()[:-1],
    "npy: too long": npy() + b"x",
    "npy: no data": npy()[:128],
    "npy: unknown version": npy_saying("(10, 4)", version=b"\x09\x09"),
    "npy: header of four gigabytes": b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(100),
    "npy: header is no Python": npy_saying("(10, "),
    "npy: header is nested": npy_saying("(" * 2000),
    "npy: header with a bad escape": npy_saying("'\\d'"),
    "npy: shape is a text": npy_saying("'ten'"),
    "npy: shape of 10^23": npy_saying(f"({10**23}, 4)"),
    "npy: shape of 4,000 digits": npy_saying(f"({DIGITS[:4000]}, 4)", version=b"\2\0"),
    "npy: shape of 5,000 digits": npy_saying(f"({DIGITS}, 4)", version=b"\2\0"),
    "npy: shape of 3,000 digits twice": npy_saying(f"({DIGITS[:1900]}, {DIGITS[:1900]})"),
    "npy: negative shape": npy_saying("(-10, -4)"),
    "npy: shape of 10^12": npy_saying(f"({10**12}, 1)"),
    "npy: three dimensions": npy(np.zeros((6, 2, 2))),
    "npy: a single number": npy(np.array(1.0)),
    "npy: four rows": npy(GOOD[:4]),
    "npy: no columns": npy(GOOD[:, :0]),
    "npy: objects": npy(np.array([[None] * 2] * 6)),
    "npy: objects that are no pickle": npy_saying("(10, 4)", "'|O'"),
    "npy: structured": npy(np.zeros((6, 2), dtype="f4,f4")),
    "npy: complex": npy(np.zeros((6, 2), dtype=complex)),
    "npy: texts": npy(np.full((6, 2), "a")),
    "npy: dates": npy(np.zeros((6, 2), dtype="M8[s]")),
    "npy: unknown type": npy_saying("(10, 4)", "'<q99'"),
    "npy: type is a list": npy_saying("(10, 4)", "[1, 2]"),
    "npy: NaN": npy(np.full((6, 2), np.nan)),
    "npy: infinity": npy(np.full((6, 2), -np.inf)),
    "npz: empty": b"",
    "npz: text": b"not an archive",
    "npz: PK alone": b"PK",
    "npz: half": npz(npy())[:150],
    "npz: no members": b"PK\5\6" + bytes(18),
    "npz: broken stored bytes": broken_stream(zipfile.ZIP_STORED),
    "npz: broken zlib stream": broken_stream(zipfile.ZIP_DEFLATED, 38),
    "npz: broken zlib stream in the middle": broken_stream(zipfile.ZIP_DEFLATED),
    "npz: broken bz2 stream": broken_stream(zipfile.ZIP_BZIP2),
    "npz: broken bz2 head": broken_stream(zipfile.ZIP_BZIP2, 38),
    "npz: broken LZMA stream": broken_stream(zipfile.ZIP_LZMA),
    "npz: broken LZMA head": broken_stream(zipfile.ZIP_LZMA, 38),
    "npz: encrypted": npz(npy(), flag_bits=1),
    "npz: unknown compression": npz(npy(), compress_type=99),
    "npz: another compression than it says": npz(npy(), compress_type=zipfile.ZIP_LZMA),
    "npz: wrong checksum": npz(npy(), CRC=1),
    "npz: member is no array": npz(b"hello", name="notes.txt"),
    "npz: member is empty": npz(b""),
    "npz: member is a folder": npz(b"", name="data/"),
    "npz: member is cut": npz(npy()[:-5]),
    "npz: member with a header of four gigabytes": lambda: npz(b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(BOMB)),
    "npz: two members": two_members(),
    "npz: objects": npz(npy(np.array([[None] * 2] * 6))),
    "npz: negative shape": npz(npy_saying("(-10, -4)")),
    "npz: deflate bomb": bomb,
    "npz: deflate bomb that lies": lambda: bomb(file_size=TRUE_SIZE),
    "npz: bz2 bomb that lies": lambda: bomb(zipfile.ZIP_BZIP2, file_size=TRUE_SIZE),
    "npz: LZMA bomb that lies": lambda: bomb(zipfile.ZIP_LZMA, file_size=TRUE_SIZE),
    "npz: 10^16 bytes promised": npz(
        npy_saying(f"({10**15}, 10)", "'|u1'"), file_size=10**16 + len(npy_saying(f"({10**15}, 10)", "'|u1'", b""))
    ),
}
CSV: dict[str, Content] = {
    "csv: empty": b"",
    "csv: header alone": b"a,b\n",
    "csv: NUL bytes": numbers("1,\0,3"),
    "csv: nothing but NUL bytes": bytes(1000),
    "csv: binary": bytes(range(256)) * 4,
    "csv: UTF-16": "1,2\n3,4\n".encode("utf-16"),
    "csv: Latin-1": numbers("1,\xe4,3"),
    "csv: a field of 200,000 characters": numbers("1," + "2" * 200_000 + ",3"),
    "csv: a number of 5,000 digits": numbers(f"1,{DIGITS},3"),
    "csv: a text of 5,000 characters": numbers(f"1,{'x' * 5000},3"),
    "csv: nan": numbers("1,nan,3"),
    "csv: inf": numbers("1,-inf,3"),
    "csv: beyond float32": numbers("1,1e39,3"),
    "csv: unequal rows": numbers("1,2"),
    "csv: a gap": numbers("1,,3"),
    "csv: a quote without end": numbers('1,"2,3', *["1,2,3"] * 3),
    "csv: semicolons": b"1;2\n3;4\n" * 5,
    "csv: four rows": b"1,2\n" * 4,
}
TABLES: dict[str, Maker] = {
    **{name: table(f"x.{name[:3]}", content) for name, content in {**ARRAYS, **CSV}.items()},
    "npy: a folder": folder_called("x.npy"),
    "csv: a folder": folder_called("x.csv"),
    "npy: a pipe": pipe("x.npy"),
    "npz: a symbolic link to itself": loop("x.npz"),
    "npy: a name that is too long": lambda folder: folder / f"{'x' * 300}.npy",
    "npy: not there": lambda folder: folder / "x.npy",
    "txt: another kind of file": table("x.txt", b"1,2\n"),
}
