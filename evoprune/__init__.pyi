from ._version import __version__ as __version__
from .fitness import MinimizeLoss as MinimizeLoss
from .genome import Decoder as Decoder, Encoder as Encoder, Genome as Genome
from .individuals import Autoencoder as Autoencoder, Network as Network, similar as similar
from .loading import load as load
from .shrinking.compacting import compact as compact
