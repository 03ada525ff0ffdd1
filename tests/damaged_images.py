"""Folders of images and of IDX files that are damaged in every way we know of, the same ones each time."""

import gzip
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from evoprune.benchmarks.problems.idx import FILES
from tests.benchmarks.weights.tiny import idx
from tests.damaged_tables import BOMB, Content, Maker, among, table


def idx_folder(number: int, content: Content | None, zipped: bool = True) -> Maker:
    """Writes four IDX files, of which one is something else, or missing."""

    def make(folder: Path) -> Path:
        good = [np.zeros((12, 4, 4)), np.zeros(12), np.zeros((6, 4, 4)), np.zeros(6)]
        for k, (name, array) in enumerate(zip(FILES, good, strict=True)):
            whole = gzip.compress(idx(array), mtime=0) if zipped else idx(array)
            written = whole if k != number else content() if callable(content) else content
            if written is not None:
                (folder / f"{name}{'.gz' * zipped}").write_bytes(written)
        return folder

    return make


PACKED = gzip.compress(idx(np.arange(192).reshape(12, 4, 4)), mtime=0)
ENDLESS = struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1)
LONG = struct.pack(">BBBB3I", 0, 0, 8, 3, 10**7, 10**4, 10**4)
IDX: dict[str, Maker] = {
    "idx: missing": idx_folder(1, None),
    "idx: not gzipped": idx_folder(0, idx(np.zeros((12, 4, 4)))),
    "idx: gzip cut": idx_folder(0, PACKED[:-10]),
    "idx: gzip head alone": idx_folder(0, PACKED[:10]),
    "idx: gzip broken": idx_folder(0, PACKED[:30] + bytes(10) + PACKED[40:]),
    "idx: gzip with a wrong checksum": idx_folder(0, PACKED[:-8] + bytes(4) + PACKED[-4:]),
    "idx: gzip bomb": idx_folder(0, lambda: gzip.compress(idx(np.zeros((12, 4, 4))) + bytes(BOMB), mtime=0)),
    "idx: 10^15 bytes promised, gzipped": idx_folder(0, gzip.compress(LONG, mtime=0)),
    "idx: 10^15 bytes promised": idx_folder(0, LONG, zipped=False),
    "idx: 2^96 bytes promised, gzipped": idx_folder(2, gzip.compress(ENDLESS, mtime=0)),
    "idx: 2^96 bytes promised": idx_folder(2, ENDLESS, zipped=False),
    "idx: head cut": idx_folder(0, idx(np.zeros((12, 4, 4)))[:9], zipped=False),
    "idx: cut": idx_folder(0, idx(np.zeros((12, 4, 4)))[:-1], zipped=False),
    "idx: too long": idx_folder(0, idx(np.zeros((12, 4, 4))) + b"x", zipped=False),
    "idx: floats": idx_folder(0, b"\0\0\x0d\3" + bytes(60), zipped=False),
    "idx: text": idx_folder(3, b"no labels", zipped=False),
    "idx: no images": idx_folder(0, idx(np.zeros((0, 4, 4))), zipped=False),
    "idx: images without pixels": idx_folder(0, idx(np.zeros((12, 0, 4))), zipped=False),
    "idx: labels in place of images": idx_folder(0, idx(np.zeros(12)), zipped=False),
    "idx: too few labels": idx_folder(1, idx(np.zeros(11)), zipped=False),
    "idx: images of another size": idx_folder(2, idx(np.zeros((6, 5, 4))), zipped=False),
    "idx: an empty folder": lambda folder: folder,
    "idx: a file": table("x.gz", PACKED),
    "idx: not there": lambda folder: folder / "nowhere",
}
"""For ``weights --data DIR``."""


def picture(form: str = "PNG", side: int = 24, **more: Any) -> bytes:
    """A picture of noise."""
    file = io.BytesIO()
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(file, form, **more)
    return file.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG whose head promises so many pixels, and which has none."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def text_bomb() -> bytes:
    """A PNG with a compressed remark of many megabytes."""
    info = PngImagePlugin.PngInfo()
    info.add_text("remark", "x" * BOMB, zip=True)
    return picture(pnginfo=info)


def images(content: Content | None, name: str = "bad.png") -> Maker:
    """Four good images, one too few, and one that is none."""

    def good(folder: Path) -> None:
        for k in range(4):
            (folder / f"{k}.png").write_bytes(picture())

    return among(good, name, content)


def image_loop(folder: Path) -> Path:
    (folder / "bad.png").symlink_to(folder / "bad.png")
    (folder / "again").symlink_to(folder)
    return folder


IMAGES: dict[str, Maker] = {
    "images: PNG cut": images(picture()[:-300]),
    "images: PNG of a head": images(picture()[:40]),
    "images: PNG with wrong bytes": images(picture()[:60] + bytes(40) + picture()[100:]),
    "images: JPEG cut": images(picture("JPEG")[:-300], "bad.jpg"),
    "images: JPEG of a head": images(picture("JPEG")[:100], "bad.jpeg"),
    "images: empty": images(b""),
    "images: text": images(b"no image"),
    "images: a decompression bomb": images(png_of(60_000, 60_000)),
    "images: a large picture without pixels": images(png_of(9_000, 9_000)),
    "images: 2^31 pixels a side": images(png_of(2**31 - 1, 2**31 - 1)),
    "images: no pixels": images(png_of(0, 0)),
    "images: a bomb of text": images(text_bomb),
    "images: a pipe": images(None),
    "images: symbolic links to themselves": image_loop,
    "images: an empty folder": lambda folder: folder,
    "images: a file": table("x.png", picture()),
    "images: not there": lambda folder: folder / "nowhere",
}
"""For ``run --benchmark images --data DIR``."""
