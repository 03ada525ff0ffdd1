"""A user's module that has what makes pruning hard."""

import torch
from torch import Tensor, nn


class TiedConvolutions(nn.Module):
    """Nonlinearities in the forward pass, layers that share a weight, a convolution in groups, normalization.

    :param side: pixels a side of the square grey images that it takes; samples may be flat.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.first = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 4, 3, groups=2)
        self.fc = nn.Linear(4 * side * side, 5)
        self.mix = nn.Linear(5, 5)
        self.again = nn.Linear(5, 5)
        self.again.weight = self.mix.weight

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.first(x.view(-1, 1, self.side, self.side))))
        h = self.fc(torch.tanh(self.up(h)).flatten(1))
        return self.again(torch.relu(self.mix(h)))
