"""Networks by name or by a line of text, and the functions that build them."""

import re

from evoprune.architecture import PREFIX, Blueprint, found_in
from evoprune.checks import lookup, of_type, shown
from evoprune.convolutional import Convolutional
from evoprune.mlp import ACTIVATIONS, MLP, OUTPUTS, GaussianEncoder, mlp_decoder, mlp_encoder, variational_encoder

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NETWORKS",
    "OUTPUTS",
    "GaussianEncoder",
    "mlp_decoder",
    "mlp_encoder",
    "parse_network",
    "variational_encoder",
]

NETWORKS: dict[str, MLP | Convolutional] = {
    "default": MLP(),
    "small": MLP(latent=2),
    "large": MLP(hidden=(60, 30)),
    "variational": MLP(variational=True),
    "convolutional": Convolutional(),
}


def parse_network(text: str) -> MLP | Convolutional | Blueprint:
    """The network called `text`, or the widths it spells: "64-32-8" is hidden layers of 64 and 32 and a code of 8.

    "arch:..." is an architecture in its text form, and "from DIR" the one that `evoprune architectures` left there.

    :raises ValueError: for an unknown name, widths or an architecture that can't be read, a search that has not ended.
    """
    of_type("the text of a network", text, str, "text")
    text = text.strip()
    if text.startswith(PREFIX):
        return Blueprint(text)
    if text.startswith("from "):
        return found_in(text.removeprefix("from ").strip())
    if text[:1].isalpha():
        return lookup("network", text, NETWORKS)
    if not re.fullmatch(r"[0-9]{1,20}(-[0-9]{1,20}){0,31}", text):  # more layers than that train nothing
        raise ValueError(f"network {shown(text)} is neither widths such as 64-32-8 nor one of: {', '.join(NETWORKS)}")
    *hidden, latent = (int(width) for width in text.split("-"))
    return MLP(hidden=tuple(hidden), latent=latent)
