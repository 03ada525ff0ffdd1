"""Reconstruct images with the model of a run: what ``evoprune reconstruct`` does."""

import argparse
import io
import warnings
from operator import methodcaller
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from evoprune.benchmarks.experiments import ImageModel, load_any_model
from evoprune.benchmarks.problems.images import SUFFIXES, read_image
from evoprune.files import write
from evoprune.folders import PICTURES, Folder
from evoprune.legacy import known
from evoprune.records import write_csv

SMALLEST = 128  # pixels: smaller images are enlarged, or nobody sees anything
GAP = 8  # white pixels between an original and its reconstruction


def add_parser(commands: Any) -> None:
    """Add the command ``reconstruct``."""
    parser = commands.add_parser(
        "reconstruct",
        help="reconstruct images with the model of a run",
        description="Reconstruct an image, or the PNG and JPEG images of a folder, and save each beside its "
        "reconstruction. Images are cut to the model's shape and resized.",
        allow_abbrev=False,
    )
    parser.add_argument("directory", metavar="RUN_DIR", help="the directory of a run that has ended, of any kind")
    parser.add_argument("images", metavar="IMAGE_OR_FOLDER", help="an image, or a folder of images")
    parser.add_argument("--output", required=True, metavar="DIR", help="where to save the pictures and rmse.csv")
    parser.set_defaults(command=reconstruct_command, parser=parser)


def reconstruct_command(options: argparse.Namespace) -> int:
    """Reconstruct from parsed arguments; the exit code."""
    table = reconstruct_images(load_any_model(options.directory), options.images, options.output)
    print(table.to_string(index=False, float_format="{:.4f}".format))
    print(f"\nOriginals beside reconstructions are in {options.output}")
    return 0


def reconstruct_images(model: ImageModel, source: str | Path, directory: str | Path) -> pd.DataFrame:
    """Reconstruct images and write, for each, a PNG with the original on the left, as the model sees it.

    :param source: an image, or a folder; what cannot be read is left out, and a warning names it.
    :param directory: made if it is not there; gets the pictures and ``rmse.csv``, which replace those of an earlier
        call.
    :returns: a row an image: ``image``, ``picture`` (its file) and ``rmse`` of values in [0, 1].
    :raises ValueError: for a source that does not exist or has no image that can be read, and a directory that cannot
        be written, or holds something else than such pictures.
    :raises WriteError: where the disk is full; the files that are there are whole.
    """
    source, place = Path(source), Path(directory)
    if not (source.is_file() or source.is_dir()):
        raise ValueError(f"{source}: no such image or folder")
    files = [source] if source.is_file() else [f for f in sorted(source.iterdir()) if f.suffix.lower() in SUFFIXES]
    channels, height, width = model.image
    images, unreadable = {}, []
    for file in files:
        try:
            pixels = read_image(file, (width, height), colour=channels != 1)
            images[file] = torch.from_numpy(pixels).float() / 255
        except Exception as error:  # whatever a damaged file makes the reader stumble over
            unreadable.append(f"{file.name} ({type(error).__name__})")
    if not images:
        raise ValueError(f"{source}: no image can be read" + (f": {', '.join(unreadable)}" if unreadable else ""))
    if unreadable:
        warnings.warn(f"left out, cannot be read: {', '.join(unreadable)}", stacklevel=2)
    folder = Folder(place, PICTURES, known(PICTURES))
    folder.look()  # before the work
    originals = torch.stack(list(images.values()))
    made = model(originals)
    errors = (made - originals).square().flatten(1).mean(1).sqrt().tolist()
    stems = [file.stem for file in images]  # where two are the same their suffixes tell the pictures apart
    names = [f"{file.stem if stems.count(file.stem) == 1 else file.name}.png" for file in images]
    table = pd.DataFrame({"image": [file.name for file in images], "picture": names, "rmse": errors})
    with folder:
        *pictures, last = folder.claim([*names, "rmse.csv"])
        for path, original, reconstruction in zip(pictures, originals, made, strict=True):
            _save(path, original, reconstruction)
        write_csv(last, table)
    return table


def _save(path: Path, original: Tensor, reconstruction: Tensor) -> None:
    from PIL import Image

    factor = max(1, -(-SMALLEST // min(original.shape[1:])))
    shown = [torch.nan_to_num(part).clamp(0, 1).mul(255).round().byte() for part in (original, reconstruction)]
    left, right = (part.repeat_interleave(factor, 1).repeat_interleave(factor, 2) for part in shown)
    gap = torch.full((*left.shape[:2], GAP), 255, dtype=torch.uint8)
    pixels = torch.cat([left, gap, right], 2).permute(1, 2, 0).squeeze(2).numpy()
    picture = io.BytesIO()  # or a full disk is an error of the library that draws
    Image.fromarray(pixels).save(picture, format="PNG")
    write(path, methodcaller("write", picture.getvalue()))
