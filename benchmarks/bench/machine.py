"""What the numbers are measured on: the processor, and the kernels that were built for it."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import torch

from evoprune.training.kernel import kernel_for


def kernels() -> tuple[tuple[str, ...], str]:
    """The kernels that this machine has, the fastest first; and why the native one is missing, if it is."""
    try:
        kernel_for("native")
    except ValueError as error:
        return ("torch",), str(error)
    return ("native", "torch"), ""


def machine() -> dict[str, Any]:
    """What the numbers were measured on; ``missing`` says why there is no native kernel, if there is none."""
    described = Path("/proc/cpuinfo")  # of Linux; platform.processor() is empty there
    found = re.search(r"model name\s*: (.*)", described.read_text()) if described.exists() else None
    return {
        "processor": found[1].strip() if found else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "kernel": str(kernel_for()),
        "missing": kernels()[1],
    }
