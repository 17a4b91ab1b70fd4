"""CuPy's kernels along one dimension, on NumPy in its place."""

from typing import Any

import numpy as np
import pytest

from funcnet.backends.cupy.along import kernels

KERNELS = kernels(np)


@pytest.mark.parametrize(("shape", "axis"), [((2, 3, 4), 1), ((4,), 0), ((3, 2), 1)])
def test_against_numpy(shape: tuple[int, ...], axis: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 9, shape).astype(np.float32)
    wanted = list(shape)
    wanted[axis] = 5
    indices = rng.integers(-shape[axis], shape[axis], wanted)
    y = KERNELS["take_along_axis"](x, indices, axis=axis)
    np.testing.assert_array_equal(y, np.take_along_axis(x, indices, axis))
    g = rng.integers(-9, 9, wanted).astype(np.float32)
    back = KERNELS["add_along_axis"](g, indices, axis=axis, size=shape[axis])
    assert back.shape == shape
    assert (back * x).sum() == (g * y).sum()


@pytest.mark.parametrize("i", [3, -4])
def test_out_of_range(i: int) -> None:
    bad: Any = np.array([i])
    with pytest.raises(IndexError):
        KERNELS["take_along_axis"](np.ones(3), bad, axis=0)
    with pytest.raises(IndexError):
        KERNELS["add_along_axis"](np.ones(1), bad, axis=0, size=3)
