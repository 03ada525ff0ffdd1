"""Images as problems: a folder of the user's own, and patches of two photographs that come with scikit-learn."""

import warnings
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from evoprune.benchmarks.problems import image_classes
from evoprune.benchmarks.problems.image_files import COPIES, NAMED, SUFFIXES, folder_memory, read_folder, read_image
from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, random_split, seed_of, task_of

__all__ = ["SUFFIXES", "ImageFolder", "ImageProblem", "Photographs", "image_problem", "read_image", "split"]

LARGEST = 4096
"""Pixels a side that an image may be resized to."""


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
    split_seed: int = seed_of("the split into train, validation and test", 0)

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

    The classes are the subfolders right below the folder, sorted by name; an image deeper down belongs to the one that
    it is under. Where each image lies in one of two or more, there are labels, also for reconstruction, and the split
    is the same for both tasks.

    :raises ValueError: for no such folder, fewer than five images that can be read, with `size` 0 images of different
        sizes; for classification an image in no subfolder, fewer than two subfolders, a class of fewer than five images
        or of which none is in the training split.
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
    split_seed: int = seed_of("the split into train, validation and test", 0)
    task: str = task_of("reconstruction", "classification")

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
        _, channels, height, width = read_folder(self.path, self.size).images.shape
        return (channels, height, width)

    @property
    def memory(self) -> float:
        return folder_memory(self.path, self.size)

    @property
    def unreadable(self) -> list[str]:
        """The files that were left out, with the reasons."""
        return list(read_folder(self.path, self.size).unreadable)

    def load(self) -> Splits:
        folder = read_folder(self.path, self.size)
        if folder.unreadable:
            more = f" and {len(folder.unreadable) - NAMED} more" if len(folder.unreadable) > NAMED else ""
            names = ", ".join(folder.unreadable[:NAMED])
            warnings.warn(f"{self.path}: {len(folder.unreadable)} files left out: {names}{more}", stacklevel=2)
        if self.task == "classification":
            image_classes.check_classes(self.path, folder)
        found = split(folder.images, self.split_seed, image_classes.labels(folder))
        if self.task == "classification" and found.train_labels is not None:
            image_classes.check_training(self.path, folder, found.train_labels)
        return replace(found, class_names=image_classes.class_names(folder))


def image_problem(name: str, data: str | None, size: int | None, seed: int) -> ImageProblem:
    """The image problem of a name, from what settings say; a size of None is the problem's own default.

    :raises ValueError: for ``images`` without a folder, and what the problems raise.
    """
    if name == "photographs":
        return Photographs(Photographs.patch if size is None else size, seed)
    if data is None:
        raise ValueError("benchmark images needs data: the path of a folder of PNG and JPEG images")
    return ImageFolder(data, ImageFolder.size if size is None else size, seed)


def split(images: np.ndarray, seed: int, labels: Tensor | None = None) -> Splits:
    """Bytes (samples, channels, height, width) as flat values in [0, 1], with the class of each: 60 % training, 20 %
    validation, 20 % test."""
    return random_split(torch.from_numpy(images.reshape(len(images), -1)).float() / 255, seed, labels)


def _cut(photograph: np.ndarray, patch: int) -> np.ndarray:
    """Patches (patches, channels, patch, patch) of a photograph (height, width, channels), edges left over."""
    rows, columns = (size // patch for size in photograph.shape[:2])
    whole = photograph[: rows * patch, : columns * patch].reshape(rows, patch, columns, patch, -1)
    return whole.transpose(0, 2, 4, 1, 3).reshape(rows * columns, -1, patch, patch)
