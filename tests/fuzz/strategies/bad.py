"""Values that do not belong where they are put."""

import math
from typing import Any

import torch
from hypothesis import strategies as st
from torch import nn

HUGE = 10**30


class Thing:
    """Something that nobody expects, whose ``repr`` has two lines."""

    def __repr__(self) -> str:
        return "Thing(\n)"


KINDS: list[Any] = [
    None,
    True,
    "text",
    "",
    "two\nlines " * 100,
    HUGE,
    10**400,
    10**12,
    -1,
    0,
    2,
    0.5,
    -0.5,
    math.inf,
    -math.inf,
    math.nan,
    [],
    (),
    {},
    {"text": 1},
    [1, 2, 3],
    [-1, 0],
    [HUGE, HUGE],
    [None],
    ["text", "text"],
    [[1, 2], [3]],
    b"bytes",
    1j,
    Thing(),
    Thing,
    len,
    nn.Linear(6, 4),
    nn.Sequential(nn.Linear(5, 4), nn.ReLU()),
    torch.rand(0),
    torch.rand(2, 5),
    torch.rand(2, 6, 3),
    torch.full((8, 6), math.nan),
    torch.ones(8, 6, dtype=torch.int64),
    torch.ones(8, 6, dtype=torch.complex64),
    torch.tensor(1.0),
    [torch.rand(2, 5)],
]
"""One of each kind."""

numbers = st.one_of(
    st.integers(-20, 20),
    st.integers(10**12, 10**40),
    st.floats(width=32),
    st.sampled_from([math.inf, -math.inf, math.nan, True, False]),
)
shapes = st.lists(st.integers(0, 7), max_size=4)
texts = st.text(max_size=40)

values = st.one_of(
    st.sampled_from(KINDS),
    numbers,
    texts,
    st.lists(st.one_of(numbers, texts), max_size=4),
    shapes.map(lambda shape: torch.ones(shape)),
)
"""One of each kind, and drawn ones."""
