"""The classes of a folder of images: the folders right below it, as torchvision's ImageFolder has them."""

from collections import Counter

import torch
from torch import Tensor

from evoprune.benchmarks.problems.image_files import Folder, printable

FEWEST = 5
"""Images that a class needs: three of them are to be expected in the training split."""


def class_names(folder: Folder) -> tuple[str, ...]:
    """The subfolders by name, number 0 first; empty where an image lies in none, or there are fewer than two."""
    inside = all(len(file.parts) > 1 for file in folder.files)
    return tuple(map(printable, folder.subfolders)) if inside and len(folder.subfolders) > 1 else ()


def labels(folder: Folder) -> Tensor | None:
    """The number of the subfolder that each image is under, int64 (samples,); None without :func:`class_names`."""
    if not class_names(folder):
        return None
    numbers = {name: number for number, name in enumerate(folder.subfolders)}
    return torch.tensor([numbers[file.parts[0]] for file in folder.files])


def check_classes(path: str, folder: Folder) -> None:
    """See that the images of a folder have classes, and each class enough of them.

    :raises ValueError: naming the folder and the class, or an image without one.
    """
    if len(folder.subfolders) < 2:
        found = f"only {printable(folder.subfolders[0])}" if folder.subfolders else "none"
        raise ValueError(f"{path}: classification needs two or more subfolders with images, found {found}")
    for file in folder.files:
        if len(file.parts) == 1:
            raise ValueError(f"{path}: a class is a subfolder, and the image {printable(file)} lies in none")
    counts = _counts(folder)
    for name in folder.subfolders:
        if counts[name] < FEWEST:
            found = f"{printable(name)} has {counts[name]}"
            raise ValueError(f"{path}: a class needs at least {FEWEST} images that can be read, {found}")


def check_training(path: str, folder: Folder, train_labels: Tensor) -> None:
    """See that a network can learn every class.

    :raises ValueError: naming the folder and a class of which the training split has no image.
    """
    trained = torch.bincount(train_labels, minlength=len(folder.subfolders)).tolist()
    if 0 in trained:
        name = folder.subfolders[trained.index(0)]
        images = f"{_counts(folder)[name]} images of class {printable(name)}"
        raise ValueError(
            f"{path}: by chance none of the {images} is in the training split: take another seed, or more images"
        )


def _counts(folder: Folder) -> Counter[str]:
    return Counter(file.parts[0] for file in folder.files)
