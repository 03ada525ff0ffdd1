"""What an individual is made of: a torch module with its masks."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.checks import has, of_type, shown
from evoprune.copying import copy_value, pack
from evoprune.cutting import shape_before
from evoprune.fitness import MinimizeLoss
from evoprune.layers import prunable_layers, prunable_parameters
from evoprune.masks import kept, mask_of, nonzeros, share, zero_dropped
from evoprune.state import cloned, get_state, same, set_state

__all__ = ["Decoder", "Encoder", "Genome", "MinimizeLoss", "prunable_layers"]
_MOVED = ("Autoencoder", "genomes", "similar")


class Genome:
    """A torch module and its masks, as a DEAP individual.

    :param module: any ``torch.nn.Module``. The weights and biases of its Linear, Conv and ConvTranspose layers are
        prunable, tied ones once; weights under a parametrization are not. The genome takes the module without a copy.
    :param exclude: names that are not prunable: of parameters (``"2.bias"``), layers (``"2"``) or blocks of layers.
    :raises TypeError: if ``module`` is not a module.
    :raises ValueError: for a name in ``exclude`` that stands for no parameter, and a lazy module that has not been
        called yet.

    A ``UserWarning`` names weights that no operator can prune: those of embeddings, of recurrent and attention layers,
    of layers of your own, under a parametrization, or masked by ``torch.nn.utils.prune``. Excluding them silences it.

    Attributes: ``module``; ``masks``, name -> bool tensor of the parameter's shape, True = kept; ``age``, the epochs it
    has been trained; ``fitness``; ``moments`` and ``steps``, what an optimizer remembers of this genome; ``nonzero``,
    the share of non-zero prunable parameters right after the last pruning that was not persistent, else None;
    ``whole``, what it was before units were removed, or None. A genome that is an individual by itself has
    ``learning_rate``, ``seed``, ``train_loss`` and ``cell`` as a :class:`Network` has. All of it, and what you add
    yourself, travels through ``copy.deepcopy`` and ``pickle``; tensors are unpickled on the CPU.
    """

    fitness: Any
    learning_rate: float | None = None
    seed: int | None = None
    train_loss: float | None = None
    cell: int | None = None
    whole: dict[str, Any] | None = None

    def __init__(self, module: nn.Module, exclude: Iterable[str] = ()) -> None:
        if not isinstance(module, nn.Module):
            raise TypeError(f"a genome wraps a torch.nn.Module, got {shown(module)}")
        prunable = prunable_parameters(module, exclude)
        if not hasattr(self, "fitness"):  # a class of deap.creator has set one already
            self.fitness = MinimizeLoss()
        self.module = module
        self.masks = {
            name: torch.ones(parameter.shape, dtype=torch.bool, device=parameter.device)
            for name, parameter in prunable.items()
        }
        self.age = 0
        self.moments: dict[str, tuple[Tensor, ...]] = {}
        self.steps = 0
        self.nonzero: float | None = None

    def __call__(self, *inputs: Any) -> Any:
        return self.module(*inputs)

    def __repr__(self) -> str:
        size = f"{self.sizes[1]} prunable parameters, {self.preserved:.1%} preserved"
        return f"{type(self).__name__}({size}, age {self.age})"

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of parameters kept, and of prunable ones, those of units that were removed among them."""
        total = sum(shape_before(self.whole, name, mask).numel() for name, mask in self.masks.items())
        return sum(map(kept, self.masks.values())), total

    @property
    def preserved(self) -> float:
        """The share of prunable parameters whose mask is True, in [0, 1]; 1 where nothing is prunable."""
        return share(*self.sizes)

    def prune(self, name: str, keep: Tensor) -> None:
        """Narrow the mask of parameter ``name`` to ``keep`` and set what goes to zero, for ever.

        :param keep: bool tensor of the parameter's shape. True does not bring back what was pruned before. Where
            nothing would be left, the survivor of the largest magnitude stays, so that no layer is emptied silently.
        :raises KeyError: for a parameter that is not prunable.
        :raises ValueError: for another shape or a ``keep`` that is not boolean.
        """
        old = mask_of(self.masks, name, keep)
        new = old & keep.to(old.device)
        left = kept(new)
        if not left and kept(old):
            size = self.module.get_parameter(name).detach().abs().to(old.device).masked_fill(~old, -1.0)
            best = int(size.nan_to_num(0.0).argmax())  # counts row by row, whatever the strides
            new = (torch.arange(new.numel(), device=new.device) == best).view(new.shape)
        self.masks[name] = new
        if left < new.numel():
            self._zero_dropped(name)

    def grow(self, name: str, back: Tensor) -> None:
        """Widen the mask of parameter ``name`` by ``back``: pruned weights take part again, from 0.

        What an optimizer remembers of them is 0 as well.

        :param back: bool tensor of the parameter's shape. What is kept already stays as it is.
        :raises KeyError: for a parameter that is not prunable.
        :raises ValueError: for another shape or a ``back`` that is not boolean.
        """
        old = mask_of(self.masks, name, back, "back")
        self._zero_dropped(name)
        self.masks[name] = old | back.to(old.device)

    def zero(self, keeps: Mapping[str, Tensor]) -> None:
        """Set the weights that are not kept to zero once, leaving the masks: training moves them again.

        This is what the reference code of the paper does. Afterwards :attr:`nonzero` holds the share of non-zeros.

        :param keeps: bool tensors of the parameters' shapes by name; errors as in :meth:`prune`, before any change.
        :raises KeyError: for a parameter that is not prunable.
        """
        of_type("keeps", keeps, Mapping, "a table of masks by the names of parameters")
        for name, keep in keeps.items():
            mask_of(self.masks, name, keep)
        for name, keep in keeps.items():
            zero_dropped([self.module.get_parameter(name)], keep)
        left = sum(nonzeros(self.module.get_parameter(name)) for name in self.masks)
        self.nonzero = share(left, self.sizes[1])

    def enforce(self) -> None:
        """Set every masked weight, and what optimizers remember of it, to exactly zero."""
        for name, mask in self.masks.items():
            if kept(mask) < mask.numel():
                self._zero_dropped(name)

    def guard(self, optimizer: torch.optim.Optimizer) -> Any:
        """Enforce the masks after every step of a torch optimizer of your own; returns the hook's handle.

        The optimizer and the guard belong to this genome: a clone has parameters of its own and needs new ones.
        """
        has("optimizer", optimizer, "register_step_post_hook", "an optimizer of torch")
        return optimizer.register_step_post_hook(lambda *_: self.enforce())

    def state(self) -> dict[str, Any]:
        """Everything that makes this genome, as plain tensors and numbers that load without unpickling code.

        Of the attributes that you added, those that are plain values as well: numbers, text, tensors, and lists, tuples
        and dicts of these.
        """
        return get_state(self)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave, into a module of the same structure.

        :raises ValueError: where names or shapes differ; the genome is then as it was.
        """
        set_state(self, state)

    def _zero_dropped(self, name: str) -> None:
        zero_dropped((self.module.get_parameter(name), *self.moments.get(name, ())), self.masks[name])

    def __eq__(self, other: object) -> bool:
        """Same network, same weights, same masks; fitness, age and what optimizers remember do not count.

        NaN equals NaN, so that every genome equals its clone.
        """
        if self is other:
            return True
        if not isinstance(other, Genome):
            return NotImplemented
        return (
            same(self.module.state_dict(), other.module.state_dict())
            and same(self.masks, other.masks)
            and repr(self.module) == repr(other.module)
        )

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> "Genome":
        new = object.__new__(type(self))
        vars(new).update(vars(self))
        return new

    def __deepcopy__(self, memo: dict[int, Any]) -> "Genome":
        new = object.__new__(type(self))
        memo[id(self)] = new
        for key, value in vars(self).items():
            vars(new)[key] = cloned(value) if key in ("masks", "moments") else copy_value(value, memo)
        return new

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, **pack(self.module, self.masks, self.moments)}


class Encoder(Genome):
    """The genome that maps inputs (samples, inputs) to codes (samples, latent)."""


class Decoder(Genome):
    """The genome that maps codes (samples, latent) to reconstructions (samples, inputs)."""


def __getattr__(name: str) -> Any:
    """What stood here in version 0.1, for pickles."""
    if name in _MOVED:
        return getattr(import_module("evoprune.individuals"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
