from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from evoprune.algorithms import complete, graph, ring, torus
from evoprune.algorithms.topologies import check

NAN = float("nan")


def test_a_ring_by_hand_self_right_left_right() -> None:
    assert ring(5) == [[0, 1, 4], [1, 2, 0], [2, 3, 1], [3, 4, 2], [4, 0, 3]]
    assert ring(10, 2)[0] == [0, 1, 9, 2, 8]
    assert ring(10, 2)[8] == [8, 9, 7, 0, 6]
    assert ring(7, 3)[3] == [3, 4, 2, 5, 1, 6, 0]


def test_on_an_even_ring_the_opposite_cell_counts_once() -> None:
    assert ring(4, 2) == [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]]
    assert ring(2, 1) == [[0, 1], [1, 0]]


def test_radius_0_is_a_cell_alone() -> None:
    assert ring(3, 0) == torus(1, 3, 0) == [[0], [1], [2]]
    assert ring(1, 0) == torus(1, 1, 0) == complete(1) == [[0]]


@pytest.mark.parametrize(("cells", "radius", "most"), [(1, 1, 0), (3, 2, 1), (4, 3, 2), (10, 6, 5)])
def test_a_radius_around_more_than_the_ring_is_refused(cells: int, radius: int, most: int) -> None:
    message = f"radius {radius} is larger than a ring of {cells} cells allows: at most {most}"
    with pytest.raises(ValueError, match=message):
        ring(cells, radius)
    ring(cells, most)


def test_a_torus_of_3_by_3_by_hand() -> None:
    # 0 1 2
    # 3 4 5    self, right, down, up, left
    # 6 7 8
    assert torus(3, 3) == [
        [0, 1, 3, 6, 2],
        [1, 2, 4, 7, 0],
        [2, 0, 5, 8, 1],
        [3, 4, 6, 0, 5],
        [4, 5, 7, 1, 3],
        [5, 3, 8, 2, 4],
        [6, 7, 0, 3, 8],
        [7, 8, 1, 4, 6],
        [8, 6, 2, 5, 7],
    ]


def test_radius_2_on_a_torus_of_3_by_3_reaches_the_corners() -> None:
    assert torus(3, 3, 2)[4][:5] == [4, 5, 7, 1, 3]
    assert sorted(torus(3, 3, 2)[4]) == list(range(9))


def test_radius_2_on_a_torus_of_5_by_5_is_a_diamond_of_13_cells() -> None:
    centre = torus(5, 5, 2)[12]
    assert sorted(centre) == [2, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 22]
    assert centre[:5] == [12, 13, 17, 7, 11]


def test_narrow_tori_count_a_cell_once() -> None:
    assert torus(2, 2) == [[0, 1, 2], [1, 0, 3], [2, 3, 0], [3, 2, 1]]
    assert torus(2, 3)[0] == [0, 1, 3, 2]


@pytest.mark.parametrize(("cells", "radius"), [(1, 0), (2, 1), (5, 2), (6, 3)])
def test_a_single_row_is_the_ring(cells: int, radius: int) -> None:
    assert torus(1, cells, radius) == ring(cells, radius)


@pytest.mark.parametrize(
    ("rows", "columns", "radius", "most"), [(3, 3, 3, 2), (1, 5, 3, 2), (4, 6, 6, 5), (1, 1, 1, 0)]
)
def test_a_radius_beyond_the_furthest_cells_is_refused(rows: int, columns: int, radius: int, most: int) -> None:
    message = f"radius {radius} is larger than a torus of {rows} x {columns} cells allows: at most {most}"
    with pytest.raises(ValueError, match=message):
        torus(rows, columns, radius)
    assert sorted(torus(rows, columns, most)[0]) == list(range(rows * columns))


@given(rows=st.integers(1, 6), columns=st.integers(1, 6), data=st.data())
def test_on_a_torus_all_cells_within_the_radius_and_nearest_first(rows: int, columns: int, data: st.DataObject) -> None:
    radius = data.draw(st.integers(0, rows // 2 + columns // 2))

    def apart(one: int, other: int) -> int:
        down, right = abs(one // columns - other // columns), abs(one % columns - other % columns)
        return min(down, rows - down) + min(right, columns - right)

    for cell, members in enumerate(torus(rows, columns, radius)):
        assert members[0] == cell
        assert sorted(members) == [other for other in range(rows * columns) if apart(cell, other) <= radius]
        distances = [apart(cell, other) for other in members]
        assert distances == sorted(distances)


def test_complete_by_hand() -> None:
    assert complete(3) == [[0, 1, 2], [1, 0, 2], [2, 0, 1]]


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, NAN, "3", None])
def test_sizes_are_whole_numbers_of_at_least_1(wrong: Any) -> None:
    for make in (ring, complete, lambda n: torus(n, 3), lambda n: torus(3, n)):
        with pytest.raises(ValueError, match="must be a whole number of at least 1"):
            make(wrong)


@pytest.mark.parametrize("wrong", [-1, 0.5, True, NAN, "1", None])
def test_a_radius_is_a_whole_number(wrong: Any) -> None:
    for make in (lambda r: ring(5, r), lambda r: torus(3, 3, r)):
        with pytest.raises(ValueError, match="radius must be a whole number of at least 0"):
            make(wrong)


def test_a_graph_from_lists_and_from_a_dict() -> None:
    expected = [[0, 1, 2], [1, 0], [2, 0], [3]]
    assert graph([[1, 2], [0], [0], []]) == expected
    assert graph([{1: "a", 2: "b"}, (0,), range(1), set()]) == expected
    assert graph({2: [0], 0: [1, 2], 3: [], 1: [0]}) == expected
    assert graph([np.array([1, 2]), np.array([0]), [0], [3]]) == expected
    assert all(type(member) is int for members in graph([np.array([0, 1]), np.array([0])]) for member in members)


def test_a_graph_puts_each_cell_first_and_counts_neighbours_once() -> None:
    assert graph([[1, 0, 1], [0, 0]]) == [[0, 1], [1, 0]]


@pytest.mark.parametrize("wrong", [[[1], [2]], [[-1], [0]], [[True], [0]], [[1.0], [0]], [["1"], [0]]])
def test_a_neighbour_that_is_no_cell_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"the neighbourhood of cell [01] must name cells from 0 to 1"):
        graph(wrong)


@pytest.mark.parametrize("wrong", [{1: [2], 2: [1]}, {"a": ["b"], "b": ["a"]}, {0: [], 2: []}])
def test_the_cells_of_a_graph_are_numbered_from_0(wrong: Any) -> None:
    with pytest.raises(ValueError, match="the 2 cells of the graph must be numbered 0 to 1, got"):
        graph(wrong)


@pytest.mark.parametrize("empty", [[], {}])
def test_a_graph_has_cells(empty: Any) -> None:
    with pytest.raises(ValueError, match="cells of the graph must be a whole number of at least 1, got 0"):
        graph(empty)


@pytest.mark.parametrize("good", [[[0], [1]], [(0, 1), (1,)], [range(2), [np.int64(1)]], {0: [0], 1: [1]}])
def test_check_accepts(good: Any) -> None:
    check(good, 2)


@pytest.mark.parametrize("bad", [[], [2], [-1], [0, True], [0.0], [NAN], ["0"], "0", None, 1, {0, 1}])
def test_check_refuses_a_neighbourhood_that_is_not_a_list_of_cells(bad: Any) -> None:
    with pytest.raises(ValueError, match="the neighbourhood of cell 1 must name cells from 0 to 1, at least one; got"):
        check([[0], bad], 2)


@pytest.mark.parametrize("wrong", [[[1], [0]], [[0], [0, 1]], [[1, 0], [1]]])
def test_check_wants_each_cell_first_in_its_neighbourhood(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"the neighbourhood of cell ([01]) must begin with \1 itself, got \["):
        check(wrong, 2)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_check_counts_the_neighbourhoods(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} neighbourhoods were given for a grid of 2 cells"):
        check([[0]] * count, 2)
