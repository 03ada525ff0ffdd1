"""Neighbourhoods: for every cell the cells it reads, itself first."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral

from torch import Tensor

from evoprune.checks import at_least, listed, shown
from evoprune.memory import check_fits

LIST, NUMBER = 56, 40
"""Bytes of a list, and of a number in it."""
MANY = 10**5
"""Numbers from which on it is seen, before any is made, that they fit into memory."""
Neighbourhoods = list[list[int]]


def ring(cells: int, radius: int = 1) -> Neighbourhoods:
    """Cells on a ring: self, right 1, left 1, right 2, ... up to ``radius``; radius 0 is a cell alone.

    :raises ValueError: if the radius is larger than half the ring.
    """
    at_least("cells", cells, 1, whole=True)
    at_least("radius", radius, 0, whole=True)
    if radius > cells // 2:
        raise ValueError(f"radius {shown(radius)} is larger than a ring of {cells} cells allows: at most {cells // 2}")
    _check_size(cells, 2 * radius + 1)
    steps = [0] + [sign * k for k in range(1, radius + 1) for sign in (1, -1)]
    return [_unique((cell + step) % cells for step in steps) for cell in range(cells)]


def torus(rows: int, columns: int, radius: int = 1) -> Neighbourhoods:
    """Cells on a torus, numbered row by row, with all cells at most ``radius`` steps away (von Neumann).

    Nearest first, then from the right to the left, and down before up: self, right, down, up, left, ... A single row is
    the ring.

    :raises ValueError: if the radius is larger than the distance of the cells that are furthest apart.
    """
    at_least("rows", rows, 1, whole=True)
    at_least("columns", columns, 1, whole=True)
    at_least("radius", radius, 0, whole=True)
    limit = rows // 2 + columns // 2
    if radius > limit:
        size = f"{rows} x {columns} cells"
        raise ValueError(f"radius {shown(radius)} is larger than a torus of {size} allows: at most {limit}")
    _check_size(rows * columns, 2 * radius * (radius + 1) + 1)
    span = range(-radius, radius + 1)
    steps = [(r, c) for r in span for c in span if abs(r) + abs(c) <= radius]
    steps.sort(key=lambda step: (abs(step[0]) + abs(step[1]), -step[1], -step[0]))
    return [
        _unique((row + r) % rows * columns + (column + c) % columns for r, c in steps)
        for row in range(rows)
        for column in range(columns)
    ]


def complete(cells: int) -> Neighbourhoods:
    """Every cell reads all cells, itself first."""
    at_least("cells", cells, 1, whole=True)
    _check_size(cells, cells)
    return [_unique([cell, *range(cells)]) for cell in range(cells)]


def graph(neighbours: Sequence[Iterable[int]] | Mapping[int, Iterable[int]]) -> Neighbourhoods:
    """Any graph, as neighbour lists (``networkx.to_dict_of_lists`` gives them); each cell itself is put first.

    :raises ValueError: unless the cells are numbered from 0, and for a neighbour that is not a cell.
    """
    if not isinstance(neighbours, Sequence | Mapping) or isinstance(neighbours, str | bytes):
        raise TypeError(f"the neighbours of a graph must be lists, one a cell, got {shown(neighbours)}")
    cells = len(neighbours)
    at_least("cells of the graph", cells, 1, whole=True)
    if isinstance(neighbours, Mapping) and set(neighbours) != set(range(cells)):
        got = shown(list(neighbours))
        raise ValueError(f"the {cells} cells of the graph must be numbered 0 to {cells - 1}, got {got}")
    lists = [[cell, *listed(f"neighbours of cell {cell}", neighbours[cell], "cells")] for cell in range(cells)]
    check(lists, cells)
    return [_unique(map(int, members)) for members in lists]


def check(neighbourhoods: Sequence[Sequence[int]], cells: int) -> None:
    """Refuse neighbourhoods that do not fit a grid of so many cells.

    :raises ValueError: for another number of neighbourhoods, an empty one, whatever is not the number of a cell, and a
        neighbourhood that does not begin with its own cell.
    """
    if not hasattr(neighbourhoods, "__getitem__") or isinstance(neighbourhoods, Tensor | type):
        raise TypeError(f"neighbourhoods must be lists of cells, one a cell, got {shown(neighbourhoods)}")
    if len(neighbourhoods) != cells:
        raise ValueError(f"{len(neighbourhoods)} neighbourhoods were given for a grid of {cells} cells")
    for cell in range(cells):
        members = neighbourhoods[cell]
        if not isinstance(members, Sequence) or not members or not all(_is_cell(m, cells) for m in members):
            numbers = f"cells from 0 to {cells - 1}, at least one"
            raise ValueError(f"the neighbourhood of cell {cell} must name {numbers}; got {shown(members)}")
        if members[0] != cell:
            raise ValueError(f"the neighbourhood of cell {cell} must begin with {cell} itself, got {shown(members)}")


def _check_size(cells: int, neighbours: int) -> None:
    if cells > MANY or cells * neighbours > MANY:
        check_fits({"neighbourhoods": cells * (LIST + NUMBER * neighbours)}, "fewer cells, or a smaller radius")


def _is_cell(value: object, cells: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and 0 <= int(value) < cells


def _unique(cells: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(cells))
