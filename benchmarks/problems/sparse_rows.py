"""Rows of a sparse table, of which only those are made dense that are asked for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Samples by index (:class:`evoprune.data.Rows`) of a ``scipy.sparse.csr_matrix`` (samples, values) in float32."""

    matrix: Any

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.matrix.shape
        return rows, columns

    @property
    def sums(self) -> Tensor:
        """The sum of each column, float32 (values,)."""
        return torch.from_numpy(np.asarray(self.matrix.sum(axis=0), np.float32).reshape(-1))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Tensor) -> Tensor:
        """The rows of those numbers, float32 (\\*index.shape, values)."""
        places = index.cpu().numpy()
        dense = self.matrix[places.reshape(-1)].toarray()
        return torch.from_numpy(dense).view(*places.shape, self.shape[1])


def ones_at(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> SparseRows:
    """A table of zeros but for ones at these places, which may be given more than once."""
    from scipy.sparse import csr_matrix  # slow to import, and few problems need it

    matrix = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape)  # which adds up what is there twice
    matrix.data[:] = 1
    return SparseRows(matrix)
