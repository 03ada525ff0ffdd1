"""What data are: inputs and what a network is to make of them, from a problem, a tensor, or a pair of tensors."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from evoprune.checks import at_least, of_type, shown

CHUNK = 256
"""Rows that are made dense at once where data are no tensor."""
_INSTEAD = {
    DataLoader: "; give its samples as one tensor: torch.cat(list(loader)), or tuple(map(torch.cat, zip(*loader)))",
    Dataset: "; give its samples as tensors, (inputs, targets), such as dataset.tensors of a TensorDataset",
    list: "; make it a tensor: torch.tensor(data), or torch.stack(data) where the samples are tensors",
    np.ndarray: "; make it floats: data.astype('float32')",
}


class Rows(Protocol):
    """Samples by index: a tensor (samples, ...), or what makes dense only the rows that are asked for."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Tensor) -> Tensor: ...


class Samples(NamedTuple):
    """Inputs, and targets, which are the inputs themselves (the same object) where these are to be reconstructed."""

    inputs: Rows
    targets: Rows

    @property
    def labelled(self) -> bool:
        """Whether the targets are something else than the inputs."""
        return self.targets is not self.inputs

    def chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets as tensors: all at once where the inputs are there as one, else some rows at a time."""
        if isinstance(self.inputs, Tensor):
            yield self.inputs, whole(self.targets)
            return
        for places in torch.arange(len(self.inputs)).split(CHUNK):
            inputs = self.inputs[places]
            yield inputs, self.targets[places] if self.labelled else inputs


def samples_of(data: Any, split: str) -> Samples:
    """The samples that are meant by data.

    :param data: a problem, whose ``split`` is meant (``"train"``, ``"validation"`` or ``"test"``); a tensor or a numpy
        array of floats, whose targets are the inputs themselves; or a pair of such, (inputs, targets). Targets may also
        be whole numbers, of classes, (samples,).
    :raises TypeError: for anything else.
    :raises ValueError: for another number of targets than of inputs.
    """
    of_type("split", split, str, "the name of a split, such as 'train'")
    by_index = callable(getattr(data, "rows", None))  # who offers that need not have all as one tensor
    found = data if by_index else getattr(data, split, data)
    if _is_pair(found):
        inputs: Rows = tensor_of(found[0], split)
        targets: Rows = _targets(found[1])
    else:
        inputs = rows_of(data, split)
        wanted = data.targets(split) if callable(getattr(data, "targets", None)) else None
        by_row = wanted is not None and not isinstance(wanted, np.ndarray)
        targets = inputs if wanted is None else wanted if by_row else _targets(wanted)
    if len(targets) != len(inputs):
        raise ValueError(f"data need a target for each sample, got {len(targets)} targets for {len(inputs)} samples")
    return Samples(inputs, targets)


def tensor_of(data: Any, split: str) -> Tensor:
    """The inputs that are meant by data, as one tensor (samples, ...).

    :param data: a problem, whose ``split`` is meant (``"train"``, ``"validation"`` or ``"test"``), a tensor, or a numpy
        array of floats, which becomes float32 and is copied only where it has to be; of a pair the first.
    :raises TypeError: for anything else.
    """
    of_type("split", split, str, "the name of a split, such as 'train'")
    found = getattr(data, split, data)
    found = found[0] if _is_pair(found) else found
    if isinstance(found, Tensor | np.ndarray) and not found.ndim:
        raise ValueError(f"data must be (samples, inputs), got {shown(found)}")
    if isinstance(found, Tensor):
        return found
    if isinstance(found, np.ndarray) and found.dtype.kind == "f":
        return _from_numpy(found, np.float32)
    if isinstance(found, tuple | list) and len(found) == 2 and isinstance(found[0], Tensor | np.ndarray):
        _targets(found[1])  # refuses what is no table; two samples are one more list
    what = "a problem, a tensor or a numpy array of floats, or (inputs, targets)"
    raise TypeError(f"data must be {what}, got {shown(data)}{_hint(data, found)}")


def rows_of(data: Any, split: str) -> Rows:
    """The inputs of a split by index, where a problem offers that (``rows``), else what :func:`tensor_of` gives."""
    rows: Rows = data.rows(split) if callable(getattr(data, "rows", None)) else tensor_of(data, split)
    return rows


def whole(rows: Rows) -> Tensor:
    """All rows as one tensor."""
    return rows if isinstance(rows, Tensor) else rows[torch.arange(len(rows))]


def draw_batch(data: Any, size: int = 5) -> Any:
    """``size`` different samples at random, drawn from Python's global ``random`` as DEAP's operators do.

    :param data: a problem, whose ``train`` split is used, or what :func:`samples_of` takes.
    :returns: inputs (size, ...); with targets of their own a pair, (inputs, targets). Both are data themselves.
    :raises ValueError: for a size below 1 or above the number of samples.
    """
    samples = samples_of(data, "train")
    at_least("batch size", size, 1, whole=True)
    if size > len(samples.inputs):
        raise ValueError(f"batch size {shown(size)} is larger than the {len(samples.inputs)} samples")
    places = torch.tensor(random.sample(range(len(samples.inputs)), size))
    return (samples.inputs[places], samples.targets[places]) if samples.labelled else samples.inputs[places]


def _is_pair(data: Any) -> bool:
    """Whether data are (inputs, targets); a list of two may as well be one that a loader of torch has given."""
    kinds = (Tensor, np.ndarray)
    pair = isinstance(data, tuple | list) and len(data) == 2 and all(isinstance(one, kinds) for one in data)
    return pair and (isinstance(data, tuple) or data[0].ndim > 1)


def _hint(data: Any, found: Any) -> str:
    """What to give instead of something that is no data, where it is known what it is."""
    sample = found[0] if isinstance(found, list) and found else None
    if isinstance(sample, tuple | list) and len(sample) == 2 and isinstance(sample[0], Tensor):
        return "; make two tensors of it: torch.stack([x for x, y in data]), torch.tensor([y for x, y in data])"
    if hasattr(found, "to_numpy"):
        return "; make it an array: data.to_numpy('float32')"
    return next((hint for kind, hint in _INSTEAD.items() if isinstance(found, kind) or isinstance(data, kind)), "")


def _targets(values: Any) -> Tensor:
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "f":
            values = _from_numpy(values, np.float32)
        elif values.dtype.kind in "iub":
            values = _from_numpy(values, np.int64)
    if not isinstance(values, Tensor) or not values.dim() or values.is_complex():
        what = "a tensor or a numpy array of floats or of the numbers of classes, one a sample"
        raise TypeError(f"targets must be {what}, got {shown(values)}")
    return values


def _from_numpy(values: np.ndarray, dtype: Any) -> Tensor:
    return torch.from_numpy(np.require(values, dtype, ["C", "W"]))  # torch warns of memory that is read-only
