from ._version import __version__
from .fitness import MinimizeLoss
from .genome import Autoencoder, Decoder, Encoder, Genome, similar

__all__ = ["Autoencoder", "Decoder", "Encoder", "Genome", "MinimizeLoss", "__version__", "similar"]
