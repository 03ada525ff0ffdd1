"""The devices that torch can use here."""

from typing import Any

import torch

from evoprune.checks import shown


def check_device(device: Any) -> None:
    """See that tensors can be made on a device.

    :raises ValueError: naming those that are there.
    """
    try:
        torch.empty(0, device=device)
    except Exception as error:  # torch has many ways to say no
        known = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        name = shown(str(device)) if isinstance(device, str | torch.device) else shown(device)
        raise ValueError(f"device {name} cannot be used here; there is {', '.join(known)}") from error
