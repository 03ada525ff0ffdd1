from .batches import Epoch as Epoch
from .training import train as train
from .training import train_epoch as train_epoch
