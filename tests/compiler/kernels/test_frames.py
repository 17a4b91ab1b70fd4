"""Frames hold what their units read, whole tiles, and everything once."""

import pytest

from funcnet.compiler.kernels.frames import Frame
from funcnet.compiler.kernels.windows import Tile, forward_phases


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("images", [1, 3, 16])
@pytest.mark.parametrize("tile", [Tile(1, 1, 4, 1), Tile(1, 2, 9, 1), Tile(2, 9, 9, 1)])
def test_units_hold_whole_tiles_and_everything_once(threads: int, images: int, tile: Tile) -> None:
    axis = forward_phases(9, 3, 1, 1, 1)
    frame = Frame(images, (9, 9), 200, 4, (axis, axis), tile, threads, 100)
    seen = set()
    for u in range(frame.units):
        if frame.many > 1:
            rows = [(i, r) for i in range(u * frame.many, min((u + 1) * frame.many, images)) for r in range(9)]
        else:
            i, b = divmod(u, frame.blocks)
            rows = [(i, r) for r in range(b * frame.rows, min((b + 1) * frame.rows, 9))]
        assert not seen & set(rows)
        seen |= set(rows)
    assert len(seen) == 9 * images
    assert frame.many % tile.images == 0 or tile.images == 1
    assert frame.rows == 9 or frame.rows % tile.rows == 0
    assert frame.scratch == frame.many * (frame.rows + 2) * 11 * 200
