"""What computes gradient steps: the compiled kernel for stacks of Linear layers, or torch for everything."""

from collections.abc import Sequence
from dataclasses import dataclass

from evoprune.checks import lookup, of_type
from evoprune.genome import Genome
from evoprune.individuals import Individual
from evoprune.losses import LossFunction
from evoprune.training import native
from evoprune.training.optimizers import Optimizer, optimizer_for

KERNELS = {
    "auto": "native where it was built, else torch",
    "native": "the compiled kernel, and torch for what it does not take",
    "torch": "torch's own operations, for everything",
}


@dataclass(frozen=True)
class Kernel:
    """A kernel as it is on some machine; where two are equal in ``name`` and ``arithmetic``, results are, to the bit.

    ``variant`` says for which instructions it was compiled, and ``arithmetic`` whether products and sums are rounded
    together ("fused") or one by one ("separate"); both are empty for torch.
    """

    name: str
    variant: str = ""
    arithmetic: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.variant})" if self.variant else self.name


TORCH = Kernel("torch")


def kernel_for(kernel: "str | Kernel" = "auto") -> Kernel:
    """The kernel of a name on this machine; one that is a :class:`Kernel` already, if this machine has it.

    :raises ValueError: for an unknown name, and a kernel that this machine has not, with the reason.
    """
    if isinstance(kernel, Kernel):
        return _same(kernel)
    of_type("kernel", kernel, str, "a name or a Kernel")
    lookup("kernel", kernel, KERNELS)
    variant, missing = native.best(), native.missing()
    if kernel == "torch" or (kernel == "auto" and missing):
        return TORCH
    if missing:
        raise ValueError(f"kernel native is not here: {missing}; use auto or torch")
    return Kernel("native", variant, native.arithmetic(variant))


def check_takes(
    kernel: Kernel,
    individual: Individual | Sequence[Genome],
    loss: str | LossFunction,
    optimizer: str | Optimizer,
    device: str = "cpu",
    opponents: bool = False,
) -> None:
    """See that a kernel trains such an individual itself, so that whoever asks for it by name gets it.

    :raises ValueError: with the reason why torch would do all of it.
    """
    if kernel.name != "native":
        return
    if why := native.refuses(individual, loss, optimizer_for(optimizer), device, opponents):
        raise ValueError(f"kernel native cannot train this: {why}; use auto or torch")


def _same(kernel: Kernel) -> Kernel:
    """The kernel of this machine that computes what that of another one does."""
    if kernel.name == "native" and (missing := native.missing()):
        raise ValueError(f"kernel {kernel} is not here: {missing}")
    here = kernel_for(kernel.name)
    if here.arithmetic != kernel.arithmetic:
        raise ValueError(
            f"kernel {kernel} rounds otherwise than this machine's, {here}: results would differ in the last bits"
        )
    return here
