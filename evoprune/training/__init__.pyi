from .batches import Epoch as Epoch
from .training import train as train, train_epoch as train_epoch
