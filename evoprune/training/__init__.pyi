from .batches import Epoch
from .training import train, train_epoch

__all__ = ["Epoch", "train", "train_epoch"]
