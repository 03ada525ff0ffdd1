"""Whether a mask fits the parameter it is for."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from evoprune.checks import shown


def mask_of(masks: Mapping[str, Tensor], name: Any, keep: Any) -> Tensor:
    """The mask that a parameter has now, when ``keep`` could take its place.

    :raises KeyError: for a parameter that is not prunable.
    :raises ValueError: for another shape or a ``keep`` that is not boolean.
    """
    if not isinstance(name, str) or name not in masks:
        raise KeyError(f"{shown(name)} is not prunable; prunable: {', '.join(masks) or 'nothing'}")
    old = masks[name]
    if not isinstance(keep, Tensor) or keep.dtype != torch.bool or keep.shape != old.shape:
        found = f"{keep.dtype} of shape {tuple(keep.shape)}" if isinstance(keep, Tensor) else shown(keep)
        raise ValueError(f"keep of {name!r} must be a bool tensor of shape {tuple(old.shape)}, got {found}")
    return old
