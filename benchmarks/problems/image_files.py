"""Image files: one as bytes, and all that a folder holds, cut and resized to one shape."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from evoprune.benchmarks.problems.paths import files_below
from evoprune.memory import FLOAT, check_fits

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY = ("1", "L", "LA", "I", "F", "I;16")
NAMED = 10  # unreadable files that a message names
COPIES = 1 + 2 * FLOAT
"""Memory of a value at the peak of loading: its byte, and floats beside a copy of them."""
UNPACKED = 12
"""Memory of a pixel of the picture that is being read: it is converted, which copies it, and cut."""
LARGE = 10**7  # pixels of a picture from which on it is worth to ask for the memory


@dataclass(frozen=True, eq=False)
class Folder:
    """What was read of a folder.

    ``images`` are bytes (samples, channels, height, width), and ``files`` where each of them lies below the folder.
    ``subfolders`` are the names, sorted, of the folders right below it that hold images, read or not, at any depth.
    ``unreadable`` are the files that were left out, with the reasons.
    """

    images: np.ndarray
    files: tuple[Path, ...]
    subfolders: tuple[str, ...]
    unreadable: tuple[str, ...]


def read_image(path: str | Path, size: int | tuple[int, int] = 0, colour: bool = True) -> np.ndarray:
    """An image as bytes (channels, height, width): three channels, or one without ``colour``.

    :param size: cut to the middle and resize to a square of so many pixels, or to (width, height); 0 leaves it alone.
    :raises Exception: of any kind where it cannot be read, and ValueError where it does not fit into memory.
    """
    from PIL import Image, ImageOps  # slow to import, and only images need it

    if not Path(path).is_file():  # a pipe would be waited for without end
        raise ValueError(f"{path}: no regular file")
    with warnings.catch_warnings(action="ignore"), Image.open(path) as opened:
        if (pixels := opened.width * opened.height) > LARGE:
            check_fits({str(path): pixels * UNPACKED})
        picture: Any = opened.convert("RGB" if colour else "L")
    if size:
        picture = ImageOps.fit(picture, (size, size) if isinstance(size, int) else size)
    values = np.asarray(picture)
    return np.ascontiguousarray(values.transpose(2, 0, 1)) if colour else values[None].copy()


@lru_cache(maxsize=2)
def read_folder(path: str, size: int) -> Folder:
    """The images of a folder and the folders in it, in the order of their paths.

    :param size: pixels a side that they are resized to; 0 leaves them alone.
    :raises ValueError: for a folder that cannot be read, fewer than five images, and with ``size`` 0 images of
        different sizes.
    """
    from PIL import Image

    check_fits({f"the images in {path}": folder_memory(path, size)}, "take fewer or smaller ones")
    images: dict[Path, np.ndarray] = {}
    unreadable, colour = [], False
    files = [file.relative_to(path) for file in files_below(path, *SUFFIXES)]
    for file in files:
        try:
            images[file] = read_image(path / file, size)
            with Image.open(path / file) as opened:
                colour = colour or opened.mode not in GREY
        except Exception as error:  # whatever a damaged file makes the reader stumble over
            unreadable.append(f"{printable(file)} ({type(error).__name__})")
    _check_images(path, images, unreadable)
    stacked = np.stack(list(images.values()))
    subfolders = sorted({file.parts[0] for file in files if len(file.parts) > 1})
    return Folder(stacked if colour else stacked[:, :1], tuple(images), tuple(subfolders), tuple(unreadable))


def folder_memory(path: str, size: int) -> float:
    """Bytes that loading a folder takes at its peak, about; with size 0 by what the images' heads say."""
    files = files_below(path, *SUFFIXES)
    return 3 * COPIES * (len(files) * size**2 if size else sum(_pixels(file) for file in files if file.is_file()))


def printable(name: str | Path) -> str:
    """The name of a file or a folder for a message or a plot."""
    return str(name) if str(name).isprintable() else repr(str(name))


def _check_images(path: str, images: dict[Path, np.ndarray], unreadable: Sequence[str]) -> None:
    if len(images) < 5:
        skipped = f"; {len(unreadable)} could not be read: {', '.join(unreadable[:NAMED])}" if unreadable else ""
        raise ValueError(f"{path}: a split needs at least 5 PNG or JPEG images, found {len(images)}{skipped}")
    shapes = {pixels.shape: file for file, pixels in reversed(images.items())}
    if len(shapes) > 1:
        found = ", ".join(f"{printable(file)} has {h} x {w}" for (_, h, w), file in list(shapes.items())[:2])
        raise ValueError(f"{path}: the images have different sizes ({found}); give a size to resize them to")


def _pixels(file: Path) -> int:
    """Pixels of an image, by its head; none where it cannot be read, which is said later."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file) as opened:
            return int(opened.width * opened.height)
    except Exception:
        return 0
