"""Flattening, with first and last axis."""

import numpy as np
import pytest

import funcnet as fn
from funcnet import nn, random, xp
from funcnet.errors import ShapeError
from funcnet.testing.backends import backend_params


def flat(x, *axes):
    return nn.flatten(*axes).apply({}, {}, x)[0]


@pytest.mark.parametrize(
    ("axes", "shape", "expected"),
    [
        ((), (2, 3, 4), (2, 12)),
        ((), (2, 3), (2, 3)),
        ((), (2,), (2, 1)),
        ((), (0, 3, 4), (0, 12)),
        ((), (2, 0, 4), (2, 0)),
        # The last axis belongs to it, also when it is counted from the end.
        ((1, -1), (2, 3, 4, 5), (2, 60)),
        ((1, -2), (2, 3, 4, 5), (2, 12, 5)),
        ((0, -1), (2, 3, 4), (24,)),
        ((-2, -1), (2, 3, 4), (2, 12)),
        ((1, 1), (2, 3, 4), (2, 3, 4)),
    ],
)
@pytest.mark.requirement("D41", "P51", "PX6", "P74")
def test_shapes(axes, shape, expected):
    x = np.arange(np.prod(shape)).reshape(shape)
    y = flat(x, *axes)
    assert y.shape == expected
    np.testing.assert_array_equal(y.ravel(), x.ravel())


@pytest.mark.parametrize("case", backend_params())
def test_on_every_backend(case):
    with case.active():
        x = case.asarray(np.arange(12.0).reshape(2, 3, 2), "float32")
        g = fn.grad(lambda x: xp.sum(flat(x) * flat(x)))(x)
        np.testing.assert_array_equal(case.to_numpy(g), 2 * case.to_numpy(x))


@pytest.mark.parametrize(("axes", "shape"), [((), ()), ((2, 1), (2, 3, 4)), ((0, 3), (2, 3)), ((-4, -1), (2, 3))])
def test_axes_that_are_not_there(axes, shape):
    with pytest.raises(ShapeError, match="without the axes that it flattens"):
        flat(np.zeros(shape), *axes)


def test_error_names_the_layer():
    with pytest.raises(ShapeError, match=r"Layer sequential\.flatten_0 got"):
        nn.sequential(nn.flatten(3)).init(random.key(0), (2, 3))
