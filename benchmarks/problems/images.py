"""Images as problems: a folder of the user's own, and patches of two photographs that come with scikit-learn."""

import os
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, random_split
from evoprune.memory import FLOAT, check_fits
from evoprune.runs.settings import SEEDS

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY = ("1", "L", "LA", "I", "F", "I;16")
NAMED = 10  # unreadable files that a warning names
LARGEST = 4096
"""Pixels a side that an image may be resized to."""
COPIES = 1 + 2 * FLOAT
"""Memory of a value at the peak of loading: its byte, and floats beside a copy of them."""
UNPACKED = 12
"""Memory of a pixel of the picture that is being read: it is converted, which copies it, and cut."""
LARGE = 10**7  # pixels of a picture from which on it is worth to ask for the memory


class ImageProblem(Problem):
    """Images as flat samples, channel by channel, values in [0, 1]."""

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of a sample."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, int]:
        """For plots that know no colours: the channels one below the other."""
        channels, height, width = self.image
        return (channels * height, width)

    @property
    def inputs(self) -> int:
        return int(np.prod(self.image))


@dataclass(frozen=True)
class Photographs(ImageProblem):
    """Patches of scikit-learn's two photographs, a temple in China and a flower, 640 x 427 pixels in colour.

    The patches do not overlap, so no pixel is in two splits: 60 % training, 20 % validation, 20 % test, at random.
    """

    name = "photographs"
    # Of more than 200 pixels a side too few fit into the photographs.
    patch: int = field(
        default=16, metadata={"help": "pixels a side of a patch", "option": "image_size", "least": 1, "most": 200}
    )
    split_seed: int = field(
        default=0, metadata={"help": "seed of the split into train, validation and test", "least": 0, "most": SEEDS}
    )

    def __post_init__(self) -> None:
        check_recipe(self)

    @property
    def image(self) -> tuple[int, int, int]:
        return (3, self.patch, self.patch)

    @property
    def memory(self) -> float:
        return 2 * 640 * 427 * 3 * COPIES

    def load(self) -> Splits:
        from sklearn.datasets import load_sample_images  # slow to import, and only this problem needs it

        patches = np.concatenate([_cut(photograph, self.patch) for photograph in load_sample_images().images])
        return split(patches, self.split_seed)


@dataclass(frozen=True)
class ImageFolder(ImageProblem):
    """The PNG and JPEG images of a folder and the folders in it, 60 % training, 20 % validation, 20 % test, at random.

    Each image is cut to a square around its middle and resized. They are in colour if one of them is. Files that cannot
    be read are left out, and a warning names them. The recipe holds the absolute path, so workers have to see it there;
    a folder that changes later in the same process is not read again.

    :raises ValueError: for no such folder, fewer than five images that can be read, with `size` 0 images of different
        sizes.
    """

    name = "images"
    path: str = field(metadata={"help": "a folder of PNG and JPEG images"})
    size: int = field(
        default=32,
        metadata={
            "help": "pixels a side after resizing; 0 leaves them alone",
            "option": "image_size",
            "least": 0,
            "most": LARGEST,
        },
    )
    split_seed: int = field(
        default=0, metadata={"help": "seed of the split into train, validation and test", "least": 0, "most": SEEDS}
    )

    def __post_init__(self) -> None:
        check_recipe(self)
        path = absolute(self.path)
        with readable(self.path):
            found = path.is_dir()
        if not found:
            raise ValueError(f"{self.path}: no such folder; data must be a folder of PNG and JPEG images")
        object.__setattr__(self, "path", str(path))

    @property
    def image(self) -> tuple[int, int, int]:
        _, channels, height, width = _read_folder(self.path, self.size)[0].shape
        return (channels, height, width)

    @property
    def memory(self) -> float:
        return _memory(self.path, self.size)

    @property
    def unreadable(self) -> list[str]:
        """The files that were left out, with the reasons."""
        return list(_read_folder(self.path, self.size)[1])

    def load(self) -> Splits:
        images, unreadable = _read_folder(self.path, self.size)
        if unreadable:
            more = f" and {len(unreadable) - NAMED} more" if len(unreadable) > NAMED else ""
            names = ", ".join(unreadable[:NAMED])
            warnings.warn(f"{self.path}: {len(unreadable)} files left out: {names}{more}", stacklevel=2)
        return split(images, self.split_seed)


def image_problem(name: str, data: str | None, size: int | None, seed: int) -> ImageProblem:
    """The image problem of a name, from what settings say; a size of None is the problem's own default.

    :raises ValueError: for ``images`` without a folder, and what the problems raise.
    """
    if name == "photographs":
        return Photographs(Photographs.patch if size is None else size, seed)
    if data is None:
        raise ValueError("benchmark images needs data: the path of a folder of PNG and JPEG images")
    return ImageFolder(data, ImageFolder.size if size is None else size, seed)


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


def split(images: np.ndarray, seed: int) -> Splits:
    """Bytes (samples, channels, height, width) as flat values in [0, 1]: 60 % training, 20 % validation, 20 % test."""
    return random_split(torch.from_numpy(images.reshape(len(images), -1)).float() / 255, seed)


@lru_cache(maxsize=2)
def _read_folder(path: str, size: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Bytes (samples, channels, height, width), and what could not be read."""
    from PIL import Image

    check_fits({f"the images in {path}": _memory(path, size)}, "take fewer or smaller ones")
    images: dict[str, np.ndarray] = {}
    unreadable, colour = [], False
    for file in _files(path):
        name = str(file.relative_to(path))
        name = name if name.isprintable() else repr(name)
        try:
            images[name] = read_image(file, size)
            with Image.open(file) as opened:
                colour = colour or opened.mode not in GREY
        except Exception as error:  # whatever a damaged file makes the reader stumble over
            unreadable.append(f"{name} ({type(error).__name__})")
    if len(images) < 5:
        skipped = f"; {len(unreadable)} could not be read: {', '.join(unreadable[:NAMED])}" if unreadable else ""
        raise ValueError(f"{path}: a split needs at least 5 PNG or JPEG images, found {len(images)}{skipped}")
    shapes = {pixels.shape: name for name, pixels in reversed(images.items())}
    if len(shapes) > 1:
        found = ", ".join(f"{name} has {h} x {w}" for (_, h, w), name in list(shapes.items())[:2])
        raise ValueError(f"{path}: the images have different sizes ({found}); give a size to resize them to")
    stacked = np.stack(list(images.values()))
    return (stacked if colour else stacked[:, :1]), tuple(unreadable)


def _files(path: str) -> list[Path]:
    """The images of a folder and the folders in it, by their names.

    :raises ValueError: for a folder that cannot be read.
    """

    def fail(error: OSError) -> None:
        with readable(error.filename or path):
            raise error

    found = [Path(place, name) for place, _, names in os.walk(path, onerror=fail) for name in names]
    return sorted(file for file in found if file.suffix.lower() in SUFFIXES)


def _memory(path: str, size: int) -> float:
    """Bytes that loading a folder takes at its peak, about; with size 0 by what the images' heads say."""
    files = _files(path)
    return 3 * COPIES * (len(files) * size**2 if size else sum(_pixels(file) for file in files if file.is_file()))


def _pixels(file: Path) -> int:
    """Pixels of an image, by its head; none where it cannot be read, which is said later."""
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(file) as opened:
            return int(opened.width * opened.height)
    except Exception:
        return 0


def _cut(photograph: np.ndarray, patch: int) -> np.ndarray:
    """Patches (patches, channels, patch, patch) of a photograph (height, width, channels), edges left over."""
    rows, columns = (size // patch for size in photograph.shape[:2])
    whole = photograph[: rows * patch, : columns * patch].reshape(rows, patch, columns, patch, -1)
    return whole.transpose(0, 2, 4, 1, 3).reshape(rows * columns, -1, patch, patch)
