"""What values are to a kernel that takes several passes."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.kernels.crosswise_group import Crosswise, levels_of


@pytest.mark.parametrize(
    ("shape", "role"),
    [
        ((2, 5, 3), "full"),
        ((2, 1, 3), "table"),
        ((3,), "column"),
        ((1, 1, 3), "column"),
        ((2, 5, 1), "row"),
        ((1, 1), "scalar"),
        ((), "scalar"),
        ((5, 3), None),
        ((2, 1, 1), None),
        ((1, 2, 5, 3), None),
    ],
)
def test_outside(shape: tuple[int, ...], role: str | None) -> None:
    graph = fn.trace(lambda x: x, np.zeros(shape))
    assert Crosswise(graph, (2, 5, 3), 1, 2).outside(graph.inputs[0]) == role
    spread = "spread" if shape in [(5, 3), (2, 1, 1)] else role
    assert Crosswise(graph, (2, 5, 3), 1, 2, written=True).outside(graph.inputs[0]) == spread


def test_passes() -> None:
    """Sums are there for the next pass, and so is what is computed of them."""
    graph = fn.trace(lambda x: xp.exp(x) / xp.sqrt(xp.sum(xp.exp(x), axis=0, keepdims=True)), np.zeros((4, 3)))
    c = Crosswise(graph, (4, 3), 0, 1)
    c.equations = list(graph.equations)
    c.roles = {v: "full" if v.shape == (4, 3) else "table" for e in c.equations for v in e.outputs}
    level = levels_of(c)
    found = [(e.primitive.name, level[e.outputs[0]]) for e in c.equations]
    assert sorted(set(found)) == [("divide", 1), ("exp", 0), ("sqrt", 1), ("sum", 1)]


@pytest.mark.parametrize(("width", "rows", "together"), [(5, 1000, 51), (5, 7, 7), (63, 9, 4), (64, 9, 1)])
def test_rows_that_are_taken_together(width: int, rows: int, together: int) -> None:
    graph = fn.trace(lambda x: x, np.zeros(()))
    assert Crosswise(graph, (rows, width), 0, 1).together == together
