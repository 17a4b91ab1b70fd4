"""Phases meet what the definition of a convolution meets, and tiles fit into registers."""

from itertools import product

import pytest

from funcnet.compiler.kernels.block import registers
from funcnet.compiler.kernels.windows import adjoint_phases, forward_phases, merged, tile_of


def met(phases: list, inputs: int) -> set[tuple[int, int, int]]:
    """Return which element of the result meets which of the input through which tap."""
    found = set()
    for p in phases:
        for m, t in product(range(p.count), range(p.taps)):
            i = m * p.move + p.first + t * p.apart
            if 0 <= i < inputs:
                found.add((p.start + m * p.step, i, p.kernel + t * p.kernel_step))
    return found


@pytest.mark.parametrize(
    ("window", "stride", "low", "dilation"), [*product((1, 2, 3, 4), (1, 2, 3, 4), (0, 1, 3), (1, 2, 3))]
)
def test_phases(window: int, stride: int, low: int, dilation: int) -> None:
    size, out = 11, 4
    pairs = {
        (o, s, k) for o, s, k in product(range(out), range(size), range(window)) if s == stride * o + k * dilation - low
    }
    assert met(forward_phases(out, window, stride, low, dilation), size) == pairs
    phases = adjoint_phases(size, window, stride, low, dilation)
    assert {(o, s, k) for s, o, k in met(phases, out)} == pairs
    places = sorted([p.start + m * p.step for p in phases for m in range(p.count)])
    assert places == list(range(size))


def test_loops_that_go_on_are_joined() -> None:
    assert merged([(3, 40, 4), (5, 8, 4), (2, 4, 2)]) == [(3, 40, 4), (10, 4, 2)]
    assert merged([(1, 7, 7), (4, 8, 2), (1, 3, 3)]) == [(4, 8, 2)]
    assert merged([(1, 7, 7), (1, 3, 3)]) == [(1, 3, 3)]
    assert merged([(-1, 8, 4), (2, 4, 2)]) == [(-1, 8, 4), (2, 4, 2)]


@pytest.mark.parametrize(
    ("counts", "columns"), [((32, 14, 14), 64), ((8, 7, 7), 48), ((64, 2, 2), 16), ((5, 1, 1), 10), ((1, 500, 1), 3)]
)
@pytest.mark.parametrize("size", [4, 8])
def test_tiles(counts: tuple[int, int, int], columns: int, size: int) -> None:
    tile = tile_of(counts, columns, size, 300)
    assert tile.height * tile.vectors + tile.vectors <= registers().count
    assert tile.images == 1 or (tile.rows, tile.columns) == counts[1:]
    assert tile.rows == 1 or tile.columns == counts[2]
