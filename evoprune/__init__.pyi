from ._version import __version__ as __version__
from .fitness import MinimizeLoss as MinimizeLoss
from .genome import (
    Autoencoder as Autoencoder,
    Decoder as Decoder,
    Encoder as Encoder,
    Genome as Genome,
    similar as similar,
)
