"""A convolutional autoencoder of images: a recipe, as evoprune.mlp.MLP and evoprune.architecture.Blueprint are."""

import math
from dataclasses import dataclass, field

from torch import nn

from evoprune.architecture import Shape
from evoprune.checks import at_least, listed, lookup, shown
from evoprune.mlp import ACTIVATIONS, OUTPUTS, as_many, check_weights, positive_ints

COLOURS = (1, 3)
"""Channels of the images that are told by their number of values. Which are 16 n^2 or 48 n^2, never both."""
HALVINGS = 4
"""By how much two convolutions of stride 2 make height and width smaller."""
TAPS = 3 * 3


@dataclass(frozen=True)
class Convolutional:
    """The recipe of two convolutions to a code, and two transposed ones back. Small, hashable, and checked when made.

    All have kernels of 3 x 3 and stride 2, so the code has a quarter of the image's height and width. As everywhere
    samples are flat, channel by channel, and so is the code. By default many channels read and write the pixels and few
    are in the code: of images in grey it has half as many values as the image.

    :raises ValueError: for what is not two positive numbers of channels, unknown nonlinearities, an image whose height
        or width is not divisible by 4, and one with fewer values than its code.
    """

    channels: tuple[int, int] = field(
        default=(64, 8), metadata={"help": "what the first and the second convolution make"}
    )
    activation: str = field(
        default="relu", metadata={"help": "after each layer but the last: " + ", ".join(ACTIVATIONS)}
    )
    output: str = field(default="sigmoid", metadata={"help": "after the last layer: " + ", ".join(OUTPUTS)})
    image: Shape | None = field(
        default=None,
        metadata={"help": "channels, height and width; None takes any square image of 1 or 3 channels, by its values"},
    )

    def __post_init__(self) -> None:
        channels = positive_ints("number of channels", listed("channels", self.channels, "two whole numbers"))
        if len(channels) != 2:
            raise ValueError(f"channels must be two whole numbers, got {shown(self.channels)}")
        object.__setattr__(self, "channels", channels)
        lookup("activation", self.activation, ACTIVATIONS)
        lookup("output", self.output, OUTPUTS)
        if self.image is not None:
            image = positive_ints("size of an image", listed("image", self.image, "channels, height and width"))
            if len(image) != 3 or image[1] % HALVINGS or image[2] % HALVINGS:
                raise ValueError(
                    f"image must be channels, and a height and width divisible by 4, got {shown(self.image)}"
                )
            object.__setattr__(self, "image", image)
            self.check(math.prod(image))

    @property
    def latent(self) -> int | None:
        """Length of the code; None without an ``image``, from which it follows."""
        return None if self.image is None else math.prod(self._code(self.image))

    def image_of(self, inputs: int) -> Shape:
        """Channels, height and width of a sample: those of ``image``, or else of the square image of so many values.

        :raises ValueError: for a number of inputs that is no such image's.
        """
        at_least("inputs", inputs, 1, whole=True)
        if self.image is not None:
            if inputs != math.prod(self.image):
                values = f"{_times(self.image)} = {math.prod(self.image)} values a sample"
                raise ValueError(f"the network reads images of {values}, the data have {shown(inputs)}")
            return self.image
        for colours in COLOURS:
            side = math.isqrt(int(inputs) // colours)
            if inputs == colours * side**2 and side % HALVINGS == 0:
                return colours, side, side
        raise ValueError(
            "a convolutional network reads square images of 1 or 3 channels whose side is divisible by 4, "
            f"such as 64 (1 x 8 x 8), 784 (1 x 28 x 28) or 3072 (3 x 32 x 32) values a sample, got {shown(inputs)}"
        )

    def check(self, inputs: int, outputs: int | None = None) -> None:
        """Raise `ValueError` for inputs that are no image, or fewer than the values of its code, or not the outputs."""
        code = self._code(self.image_of(inputs))
        if math.prod(code) > inputs:
            raise ValueError(f"a code of {_times(code)} is longer than the {shown(inputs)} inputs: use fewer channels")
        as_many(inputs, outputs)

    def parameters(self, inputs: int, outputs: int | None = None) -> int:
        """Weights and biases of encoder and decoder together.

        :raises ValueError: for a number of inputs that is no image's.
        """
        (colours, _, _), (first, second) = self.image_of(inputs), self.channels
        return 2 * TAPS * (colours * first + first * second) + first + second + first + colours

    def build(self, inputs: int, outputs: int | None = None) -> tuple[nn.Sequential, nn.Sequential]:
        """A new encoder and decoder for ``inputs`` values a sample, drawn from torch's global generator.

        :raises ValueError: as :meth:`check`.
        """
        self.check(inputs, outputs)
        check_weights(self.parameters(inputs))
        image, (first, second) = self.image_of(inputs), self.channels
        activation, last = ACTIVATIONS[self.activation], OUTPUTS[self.output]
        encoder = nn.Sequential(
            nn.Unflatten(1, image),
            nn.Conv2d(image[0], first, 3, stride=2, padding=1),
            activation(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            activation(),
            nn.Flatten(1),
        )
        decoder = nn.Sequential(
            nn.Unflatten(1, self._code(image)),
            nn.ConvTranspose2d(second, first, 3, stride=2, padding=1, output_padding=1),
            activation(),
            nn.ConvTranspose2d(first, image[0], 3, stride=2, padding=1, output_padding=1),
            last(),
            nn.Flatten(1),
        )
        return encoder, decoder

    def _code(self, image: Shape) -> Shape:
        return self.channels[1], image[1] // HALVINGS, image[2] // HALVINGS


def _times(shape: Shape) -> str:
    return " x ".join(map(str, shape))
