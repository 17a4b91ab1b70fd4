"""Shapes of products of columns with rows are those that come out, whichever side is longer."""

import numpy as np
import pytest

import funcnet as fn
from funcnet.core import bind, registry


@pytest.mark.parametrize(
    ("in_axes", "shapes"),
    [
        ((None, 0), ((4, 3), (5, 2))),
        ((0, None), ((5, 3), (4, 2))),
        ((None, 1), ((4, 3), (2, 5))),
        ((0, 0), ((5, 4, 3), (5, 2))),
    ],
)
def test_shapes_of_batches(in_axes: tuple[int | None, int | None], shapes: tuple[tuple[int, ...], ...]) -> None:
    a, b = (np.random.default_rng(0).normal(size=shape) for shape in shapes)
    f = fn.vmap(lambda a, b: bind(registry["outer_of"], a, b), in_axes=in_axes)
    wanted = f(a, b)
    assert fn.eval_shape(f, a, b).shape == wanted.shape
    np.testing.assert_array_equal(fn.jit(f)(a, b), wanted)
