"""Networks in one part, from the inputs to classes or values, by name or by all their widths."""

import re
from dataclasses import dataclass, field, replace

from torch import nn

from evoprune.checks import at_least, lookup, of_type, shown, two
from evoprune.mlp import ACTIVATIONS, OUTPUTS, checked_widths, linear_weights, mlp_decoder, positive_ints

WIDTHS = r"[0-9]{1,9}(-[0-9]{1,9}){1,32}"


@dataclass(frozen=True)
class FeedForward:
    """The recipe of a network of Linear layers. Small, hashable, and checked when it is made.

    :raises ValueError: for widths that are no positive whole numbers, and unknown nonlinearities.
    """

    hidden: tuple[int, ...] = field(default=(100,), metadata={"help": "units of the hidden layers"})
    activation: str = field(
        default="relu", metadata={"help": "after each layer but the last: " + ", ".join(ACTIVATIONS)}
    )
    output: str = field(default="identity", metadata={"help": "after the last layer: " + ", ".join(OUTPUTS)})
    ends: tuple[int, int] | None = field(default=None, metadata={"help": "inputs and outputs, where they are given"})

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", positive_ints("hidden width", self.hidden))
        first, last = (1, 1) if self.ends is None else two("ends", self.ends)
        checked_widths((first, *self.hidden, last))
        lookup("activation", self.activation, ACTIVATIONS)
        lookup("output", self.output, OUTPUTS)

    def check(self, inputs: int, outputs: int) -> None:
        """See that widths that were given are those of the data.

        :raises ValueError: naming both, and for what is no positive whole number.
        """
        _check_counts(inputs, outputs)
        if self.ends is not None and tuple(self.ends) != (inputs, outputs):
            first, last = self.ends
            raise ValueError(
                f"network {'-'.join(map(str, (first, *self.hidden, last)))} takes {first} values a sample and gives "
                f"{last}, but the data have {inputs} and need {outputs}"
            )

    def parameters(self, inputs: int, outputs: int) -> int:
        """Weights and biases.

        :raises ValueError: for inputs or outputs that are no positive whole numbers.
        """
        _check_counts(inputs, outputs)
        return linear_weights((inputs, *self.hidden, outputs))

    def build(self, inputs: int, outputs: int) -> tuple[nn.Module]:
        """A new network, drawn from torch's global generator.

        :raises ValueError: where widths that were given are others.
        """
        self.check(inputs, outputs)
        return (mlp_decoder((inputs, *self.hidden, outputs), self.output, self.activation),)


FEED_FORWARD: dict[str, FeedForward] = {
    "default": FeedForward(),
    "small": FeedForward(hidden=(30,)),
    "large": FeedForward(hidden=(200, 100)),
}


def parse_feed_forward(text: str) -> FeedForward:
    """The network called `text`, or all the widths it spells: "64-100-10" has 64 inputs and 10 outputs.

    :raises ValueError: for an unknown name, or widths that can't be read.
    """
    of_type("the text of a network", text, str, "text")
    text = text.strip()
    if text[:1].isalpha():
        return lookup("network for classes or values", text, FEED_FORWARD)
    if not re.fullmatch(WIDTHS, text):
        names = ", ".join(FEED_FORWARD)
        expected = "neither all widths from inputs to outputs, such as 64-100-10"
        raise ValueError(f"network {shown(text)} is {expected}, nor one of: {names}")
    first, *hidden, last = (int(width) for width in text.split("-"))
    return replace(FeedForward(), hidden=tuple(hidden), ends=(first, last))


def _check_counts(inputs: int, outputs: int) -> None:
    at_least("inputs", inputs, 1, whole=True)
    at_least("outputs", outputs, 1, whole=True)
